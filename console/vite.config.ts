import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const engine = process.env["ENGINE_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../engine/web/static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the engine's content security policy allows nothing inline, data: URLs included
    modulePreload: { polyfill: false },
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // light-dark()
  },
  server: {
    proxy: {
      "/api": engine,
      "/ws": { target: engine, ws: true },
    },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
