import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precompressed } from "./precompressed.ts";

/** `npm run dev` shows a server that runs elsewhere: MILEPOST_URL, and the file of its owner's key in MILEPOST_KEY. */
const server = process.env["MILEPOST_URL"] ?? "http://127.0.0.1:8000";
const keyFile = process.env["MILEPOST_KEY"];
const headers = keyFile === undefined ? {} : { "X-API-Key": readFileSync(keyFile, "utf8").trim() };

export default defineConfig({
  base: "./",
  plugins: [react(), precompressed()],
  build: { outDir: "../milepost/server/static", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false } },
  worker: { format: "es" },
  server: { proxy: { "/api": { target: server, ws: true, headers, changeOrigin: true, rewriteWsOrigin: true } } },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
