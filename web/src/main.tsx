import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { me } from "./api/queries";
import { createQueryClient } from "./app/queryClient";
import { router } from "./app/router";
import { applyTheme } from "./app/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/ui.css";
import "./styles/shell.css";

applyTheme();
const queries = createQueryClient();
// Every page waits for it: it is asked for while the page's own code still loads. Who is signed out needs no answer to sign in.
if (router.latestLocation.pathname !== "/sign-in") void queries.prefetchQuery(me);
const element = document.getElementById("root");
if (element === null) throw new Error("the page has no #root");
createRoot(element).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
