import { mount } from "svelte";
import App from "./App.svelte";
import { startLocale } from "./lib/i18n/index.svelte.ts";
import { startSession } from "./lib/session.svelte.ts";
import { startShortcuts } from "./lib/shortcuts.svelte.ts";
import { startTheme } from "./lib/theme.svelte.ts";
import "./styles/tokens.css";
import "./styles/base.css";

startTheme();
startLocale();
startShortcuts();
await startSession();
mount(App, { target: document.getElementById("app")! });
