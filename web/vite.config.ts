import { createHash } from "node:crypto";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/** Writes `offline.js`, the riders' service worker, with the names of all files that the page needs. */
function offline(): Plugin {
  return {
    name: "ondol-offline",
    apply: "build",
    generateBundle(_options, bundle) {
      const worker = bundle["offline.js"];
      if (worker?.type !== "chunk") this.error("the build has no offline.js");
      const files = Object.keys(bundle).filter((name) => name.startsWith("assets/") && !name.includes("/console-"));
      const list = ["/", ...files.sort().map((name) => `/${name}`)];
      const version = createHash("sha256").update(list.join("\n")).digest("hex").slice(0, 12);
      worker.code = worker.code
        .replace("__ONDOL_FILES__", JSON.stringify(list))
        .replace("__ONDOL_VERSION__", JSON.stringify(version));
    },
  };
}

// No script or style stands inside the HTML: the pages run under `default-src 'none'`.
export default defineConfig({
  appType: "mpa",
  plugins: [svelte(), offline()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      input: { rider: "index.html", console: "console/index.html", offline: "rider/offline.ts" },
      output: { entryFileNames: (chunk) => (chunk.name === "offline" ? "offline.js" : "assets/[name]-[hash].js") },
    },
  },
  server: {
    fs: { allow: [".", "../dispatch/messages"] },
    proxy: { "^/(rider|console)/v1/": process.env["ONDOL_NODE"] ?? "http://127.0.0.1:8080" },
  },
});
