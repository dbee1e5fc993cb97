import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { ApiError } from "./api";
import "./state/token";
import "./style/base.css";
import "./style/parts.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // measurements never change; whoever wants newer ones loads the page anew
      staleTime: Infinity,
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status < 500),
      refetchOnWindowFocus: false,
    },
  },
});

createRoot(document.getElementById("app")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
