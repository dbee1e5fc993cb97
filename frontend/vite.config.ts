import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // relative: the same files work under any folder of any file server
  base: "./",
  build: {
    outDir: "../src/valuecompass/web/static",
    emptyOutDir: true,
    // it would add an inline script, which the policy forbids; every browser of 2024 preloads
    modulePreload: { polyfill: false },
    // no data: URLs in styles either
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
  },
});
