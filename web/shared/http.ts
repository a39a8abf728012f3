// One way to ask a node: JSON in, JSON out, problems as values.

import type { Problem } from "./shapes";
import { t } from "./words.svelte";

/** A node said no. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }

  /** True if the same request may succeed later. */
  get mayRetry(): boolean {
    return this.problem.retry === true || this.problem.status === 429;
  }
}

/** Nobody answered in time. */
export class Unreachable extends Error {}

export interface Asked {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  /** Longest wait for the answer, ms. */
  wait?: number;
}

/**
 * Asks `url` and returns the answer.
 *
 * A gateway's own 502–504 counts as silence, because no node has answered.
 */
export async function ask<T>(url: string, asked: Asked = {}): Promise<T> {
  const init: RequestInit = { method: asked.method ?? "GET", signal: AbortSignal.timeout(asked.wait ?? 5_000) };
  if (asked.body !== undefined) {
    init.body = JSON.stringify(asked.body);
    init.headers = { "content-type": "application/json" };
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch {
    throw new Unreachable(url);
  }
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as T;
  const problem = read(text, response.status);
  if (problem === undefined && response.status >= 502 && response.status <= 504) throw new Unreachable(url);
  throw new Refused(problem ?? { status: response.status, code: "unknown", detail: response.statusText });
}

/** The sentence to show for whatever went wrong. */
export function sentence(error: unknown): string {
  if (error instanceof Unreachable) return t("problem-unavailable");
  if (!(error instanceof Refused)) return t("problem-unavailable");
  const { code, status } = error.problem;
  const known = t(`refusal-${code.replaceAll("_", "-")}`);
  if (!known.startsWith("refusal-")) return known;
  switch (status) {
    case 401:
      return t("problem-unauthenticated");
    case 403:
      return t("problem-not-allowed");
    case 404:
      return t("problem-not-found");
    case 409:
      return t("problem-conflict");
    case 429:
      return t("problem-too-many-requests");
    default:
      return status >= 500 ? t("problem-unavailable") : t("problem-invalid-input");
  }
}

function read(text: string, status: number): Problem | undefined {
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    if (typeof problem.code !== "string") return undefined;
    return { ...problem, status, code: problem.code, detail: problem.detail ?? "" };
  } catch {
    return undefined;
  }
}
