import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { ApiError, call } from "../../api/client";
import { isPage } from "../../app/isPage";
import { Button } from "../../ui/Button";
import "./signin.css";

const REASONS = new Map(Object.entries({
  link_used: "That link was used before. Each works once.",
  link_expired: "That link has expired.",
  link_unknown: "That link is not one of this server's.",
  signed_out: "You have signed out.",
}));

/** For whoever has no session: where the link is found, and a key instead of it. */
export function SignInPage() {
  const { reason, next } = useSearch({ from: "/sign-in" });
  const [key, setKey] = useState("");
  const client = useQueryClient();
  const navigate = useNavigate();
  const signIn = useMutation({
    mutationFn: () => call<unknown>("api/auth/session", { method: "POST", body: { key: key.trim() } }),
    onSuccess: async () => {
      client.clear();
      await navigate(isPage(next) ? { to: "/", href: next } : { to: "/" });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  const problem = signIn.error instanceof ApiError && signIn.error.status === 401 ? "There is no valid key like this one." : signIn.error?.message;
  return (
    <div className="sign-in">
      <div className="pane sign-in-card">
        <img src="./icon.svg" alt="" width="40" height="40" />
        <h1>Sign in to Milepost</h1>
        {reason !== undefined && <p role="status">{REASONS.get(reason) ?? "Please sign in."}</p>}
        <p className="muted">
          Open the link that <code>milepost serve</code> printed when it started. It works once; <code>milepost link</code> prints a new one.
        </p>
        <form className="stack" onSubmit={submit}>
          <div className="field">
            <label htmlFor="key">Or sign in with a key</label>
            <input
              id="key" className="input" type="password" autoComplete="current-password" value={key} onChange={(event) => setKey(event.target.value)}
              aria-invalid={problem !== undefined || undefined} aria-describedby={problem === undefined ? undefined : "key-problem"}
            />
            {problem !== undefined && <span className="problem" id="key-problem" role="alert">{problem}</span>}
          </div>
          <Button kind="primary" type="submit" busy={signIn.isPending} disabled={key.trim() === ""}>Sign in</Button>
        </form>
      </div>
    </div>
  );
}
