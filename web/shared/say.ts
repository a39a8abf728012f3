// Numbers and moments as people read them.

import type { Lang } from "./words.svelte";

const zones = { ko: "ko-KR", en: "en-GB" } as const;

export function clockTime(moment: string | number, lang: Lang): string {
  return new Date(moment).toLocaleTimeString(zones[lang], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

export function dayAndTime(moment: string | number, lang: Lang): string {
  return new Date(moment).toLocaleString(zones[lang], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

export function won(amount: number, lang: Lang): string {
  const digits = amount.toLocaleString(zones[lang]);
  return lang === "ko" ? `${digits}원` : `₩${digits}`;
}

export function kilometres(metres: number): string {
  return metres < 950 ? `${Math.round(metres / 10) * 10} m` : `${(metres / 1000).toFixed(1)} km`;
}

/** Whole minutes until `moment`, at least 1 while it lies ahead. */
export function minutesUntil(moment: string, now: number): number {
  return Math.max(1, Math.ceil((Date.parse(moment) - now) / 60_000));
}

const units = { ko: ["초", "분", "시간"], en: [" s", " min", " h"] } as const;

/** An age in whole seconds, minutes or hours. */
export function age(ms: number, lang: Lang): string {
  const s = Math.max(0, Math.round(ms / 1000));
  const [second, minute, hour] = units[lang];
  if (s < 100) return `${s}${second}`;
  if (s < 5_400) return `${Math.round(s / 60)}${minute}`;
  return `${Math.round(s / 3600)}${hour}`;
}
