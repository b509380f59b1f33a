"""Code that authors write, in processes of their own."""
