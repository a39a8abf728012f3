// Every sentence on a page comes from the catalogue in dispatch/messages, the same that texts are made from.

import { FluentBundle, FluentResource } from "@fluent/bundle";

import enCommon from "../../dispatch/messages/en/common.ftl?raw";
import enPages from "../../dispatch/messages/en/pages.ftl?raw";
import koCommon from "../../dispatch/messages/ko/common.ftl?raw";
import koPages from "../../dispatch/messages/ko/pages.ftl?raw";

import type { Hidden } from "./shapes";

export type Lang = "ko" | "en";

const KEPT = "ondol.lang";
const bundles: Record<Lang, FluentBundle> = {
  ko: bundle("ko", [koCommon, koPages]),
  en: bundle("en", [enCommon, enPages]),
};
const chosen = $state({ lang: first() });

/** The language shown; reading it inside a component follows changes. */
export function lang(): Lang {
  return chosen.lang;
}

export function setLang(lang: Lang): void {
  chosen.lang = lang;
  document.documentElement.lang = lang;
  keep(lang);
}

/** The text `key` in the language shown. A missing text shows its key, so that a page with a gap still works. */
export function t(key: string, values?: Record<string, string | number>): string {
  const pattern = bundles[chosen.lang].getMessage(key)?.value;
  if (pattern == null) return key;
  const texts = values && Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
  return bundles[chosen.lang].formatPattern(pattern, texts, []);
}

/** A person's own words; in their place why they are not shown, or `otherwise` if there are none. */
export function own(words: string | undefined, hidden: Hidden | undefined, otherwise = ""): string {
  return words ?? (hidden ? t(`hidden-${hidden}`) : otherwise);
}

function bundle(lang: Lang, sources: string[]): FluentBundle {
  const made = new FluentBundle(lang, { useIsolating: false });
  for (const source of sources) made.addResource(new FluentResource(source));
  return made;
}

function first(): Lang {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {
    // A browser without storage still shows the page.
  }
  const lang = kept === "ko" || kept === "en" ? kept : navigator.language.startsWith("ko") ? "ko" : "en";
  document.documentElement.lang = lang;
  return lang;
}

function keep(lang: Lang): void {
  try {
    localStorage.setItem(KEPT, lang);
  } catch {
    // Chosen again at the next visit.
  }
}
