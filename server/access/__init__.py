"""Who is asking and what they may see. API keys so far; users, roles and tokens belong here too."""
