// The riders' service worker: the page opens without any network. Bookings never pass through it.

const worker = self as unknown as ServiceWorkerGlobalScope;
declare const __ONDOL_FILES__: string[];
declare const __ONDOL_VERSION__: string;

const CACHE = `ondol-${__ONDOL_VERSION__}`;
/** A rider waits this long for a page that is on the device already. */
const PATIENCE_MS = 3_000;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(__ONDOL_FILES__))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (event) => {
  const old = (name: string) => name.startsWith("ondol-") && name !== CACHE && name !== "ondol-map";
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => worker.clients.claim()),
  );
});

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== worker.location.origin) return;
  if (url.pathname === "/") event.respondWith(newest(event, CACHE, "/"));
  else if (url.pathname === "/rider/v1/map") event.respondWith(newest(event, "ondol-map", url.pathname));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(kept(event.request));
});

/** The node's copy; the kept one when the node does not answer in time, or its proxy answers in its stead. */
async function newest(event: FetchEvent, cacheName: string, key: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  const fetched = fetch(event.request).then(async (answer) => {
    if (answer.ok) await cache.put(key, answer.clone());
    return answer;
  });
  const copy = await cache.match(key);
  if (!copy) return fetched;
  const answered = fetched.catch(() => undefined);
  // What comes too late for this visit is kept for the next.
  event.waitUntil(answered);
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), PATIENCE_MS));
  const answer = await Promise.race([answered, late]);
  return answer && answer.status < 500 ? answer : copy;
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
