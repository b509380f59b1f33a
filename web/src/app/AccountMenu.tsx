import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { call } from "../api/client";
import { me } from "../api/queries";
import { Menu, MenuItem } from "../ui/Menu";
import { useTheme, type Theme } from "./theme";

const THEMES: { id: Theme; label: string }[] = [
  { id: "system", label: "As the system" }, { id: "light", label: "Light" }, { id: "dark", label: "Dark" },
];

/** Theme, keys, and the way out. */
export function AccountMenu({ onHelp }: { onHelp: () => void }) {
  const { data } = useQuery(me);
  const [theme, setTheme] = useTheme();
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = useMutation({
    mutationFn: () => call<void>("api/auth/session", { method: "DELETE" }),
    onSettled: async () => {
      await navigate({ to: "/sign-in", search: { reason: "signed_out" } });
      client.clear();
    },
  });
  return (
    <Menu label={data?.user.name ?? "Menu"} icon={theme === "dark" ? "moon" : "sun"}>
      {THEMES.map((each) => (
        <MenuItem key={each.id} checked={theme === each.id} onSelect={() => setTheme(each.id)}>{each.label}</MenuItem>
      ))}
      <MenuItem onSelect={onHelp}>Keyboard shortcuts</MenuItem>
      {data?.kind === "session" && <MenuItem onSelect={() => signOut.mutate()}>Sign out</MenuItem>}
    </Menu>
  );
}
