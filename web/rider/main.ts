import "../shared/base.css";
import { mount } from "svelte";

import App from "./App.svelte";

const page = document.getElementById("page");
if (page) mount(App, { target: page });

if ("serviceWorker" in navigator && import.meta.env.PROD) {
  // Without it the page still works, as long as a node answers.
  navigator.serviceWorker.register("/offline.js").catch(() => undefined);
}
