// The map: one GeoJSON of the node, drawn without any outside request.

import "maplibre-gl/dist/maplibre-gl.css";
import { Map as GlMap, Marker, NavigationControl, setWorkerUrl, type GeoJSONSource, type StyleSpecification } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";

import type { Position } from "./shapes";
import taxi from "./taxi.svg?raw";

setWorkerUrl(workerUrl);

/** Something that moves or is chosen. */
export interface Dot {
  id: string;
  position: Position;
  kind: string;
  label?: string;
}

export interface CityMap {
  /** Replaces all dots. */
  show(dots: Dot[]): void;
  /** Places, moves or (with `undefined`) removes a named pin. */
  pin(name: "pickup" | "dropoff" | "taxi", at: Position | undefined): void;
  /** Moves so that all positions are seen. */
  fit(positions: Position[]): void;
  /** Whether `at` lies in what is shown and not covered. */
  sees(at: Position): boolean;
  centre(): Position;
  remove(): void;
}

export interface MapOptions {
  /** The node's GeoJSON. */
  url: string;
  lang: "ko" | "en";
  onTap?: (position: Position) => void;
  onDot?: (id: string) => void;
  onReady?: () => void;
  /** The map has another size than before. */
  onResize?: () => void;
}

/** A machine need not have a font with a taxi in it: that one is drawn. */
const PIN_MARKS = { pickup: "A", dropoff: "B", taxi } as const;

/** The rounded top of a sheet lies so far, in pixels, over the lower edge of the map of a phone. */
const COVERED = 18;
/** A pin keeps so far, in pixels, from the edges of what is seen. */
const ROOM = 44;

export async function openMap(container: HTMLElement, options: MapOptions): Promise<CityMap> {
  const answer = await fetch(options.url, { signal: AbortSignal.timeout(30_000) });
  if (!answer.ok) throw new Error(`the node has no map: ${answer.status}`);
  const city = (await answer.json()) as { bbox?: [number, number, number, number]; attribution?: string };
  const [west, south, east, north] = city.bbox ?? [-179, -80, 179, 80];
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const map = new GlMap({
    container,
    style: style(city, dark, options.lang),
    bounds: [west, south, east, north],
    fitBoundsOptions: { padding: 24 },
    maxBounds: grown(west, south, east, north),
    attributionControl: { compact: true, ...(city.attribution ? { customAttribution: city.attribution } : {}) },
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  const pins = new Map<string, Marker>();
  let waiting: Dot[] | undefined;
  map.on("load", () => {
    if (waiting) dots(waiting);
    options.onReady?.();
  });
  map.on("resize", () => options.onResize?.());
  map.on("click", (event) => {
    const hit = map.getLayer("dots") ? map.queryRenderedFeatures(event.point, { layers: ["dots"] })[0] : undefined;
    const id: unknown = hit?.properties["id"];
    if (typeof id === "string") options.onDot?.(id);
    else options.onTap?.({ lat: round(event.lngLat.lat), lon: round(event.lngLat.lng) });
  });

  function dots(list: Dot[]): void {
    const features = list.map(({ id, position, kind, label }) => ({
      type: "Feature" as const,
      properties: { id, kind, label: label ?? "" },
      geometry: { type: "Point" as const, coordinates: [position.lon, position.lat] },
    }));
    (map.getSource("dots") as GeoJSONSource | undefined)?.setData({ type: "FeatureCollection", features });
  }

  return {
    show(list) {
      waiting = list;
      if (map.loaded() || map.getSource("dots")) dots(list);
    },
    pin(name, at) {
      const known = pins.get(name);
      if (at === undefined) {
        known?.remove();
        pins.delete(name);
      } else if (known) {
        known.setLngLat([at.lon, at.lat]);
      } else {
        const element = document.createElement("div");
        element.className = `pin pin-${name}`;
        element.innerHTML = PIN_MARKS[name];
        pins.set(name, new Marker({ element, anchor: "center" }).setLngLat([at.lon, at.lat]).addTo(map));
      }
    },
    fit(positions) {
      const [head, ...rest] = positions;
      if (!head) return;
      if (rest.length === 0) {
        map.easeTo({ center: [head.lon, head.lat], zoom: Math.max(map.getZoom(), 14.5), duration: 300 });
        return;
      }
      const lats = positions.map((p) => p.lat);
      const lons = positions.map((p) => p.lon);
      const bounds: [number, number, number, number] = [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
      map.fitBounds(bounds, {
        padding: { top: ROOM, right: ROOM, bottom: ROOM + COVERED, left: ROOM },
        maxZoom: 16,
        duration: 300,
      });
    },
    sees(at) {
      const { x, y } = map.project([at.lon, at.lat]);
      return x >= 0 && y >= 0 && x <= container.clientWidth && y <= container.clientHeight - COVERED;
    },
    centre() {
      const centre = map.getCenter();
      return { lat: round(centre.lat), lon: round(centre.lng) };
    },
    remove() {
      map.remove();
    },
  };
}

function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}

function grown(west: number, south: number, east: number, north: number): [number, number, number, number] {
  const [dx, dy] = [(east - west) / 2, (north - south) / 2];
  return [Math.max(-180, west - dx), Math.max(-85, south - dy), Math.min(180, east + dx), Math.min(85, north + dy)];
}

/** Calm streets, warm signals: what moves must stand out. */
function style(city: unknown, dark: boolean, lang: "ko" | "en"): StyleSpecification {
  const c = dark
    ? { land: "#211e1b", water: "#1b2b36", green: "#222a20", minor: "#37322d", major: "#544b42", big: "#6d5d4b", text: "#cfc6bb", halo: "#211e1b" }
    : { land: "#f6f2ec", water: "#bcd6e4", green: "#dfe9d5", minor: "#ffffff", major: "#ffffff", big: "#fbe3b3", text: "#4a423a", halo: "#f6f2ec" };
  const name = lang === "ko" ? ["coalesce", ["get", "name"], ["get", "name_en"]] : ["coalesce", ["get", "name_en"], ["get", "name"]];
  const line = (id: string, classes: string[], colour: string, wide: [number, number], minzoom = 0) => ({
    id,
    type: "line" as const,
    source: "city",
    minzoom,
    filter: ["all", ["==", ["get", "kind"], "road"], ["in", ["get", "class"], ["literal", classes]]],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": colour, "line-width": ["interpolate", ["exponential", 1.5], ["zoom"], 11, wide[0], 17, wide[1]] },
  });
  const areas = (id: string, kind: string, colour: string) => ({
    id,
    type: "fill" as const,
    source: "city",
    filter: ["all", ["==", ["get", "kind"], kind], ["==", ["geometry-type"], "Polygon"]],
    paint: { "fill-color": colour },
  });
  const text = { "text-color": c.text, "text-halo-color": c.halo, "text-halo-width": 1.4 };
  const layers = [
    { id: "land", type: "background", paint: { "background-color": c.land } },
    areas("green", "green", c.green),
    areas("water", "water", c.water),
    { id: "waterway", type: "line", source: "city", filter: ["==", ["get", "kind"], "waterway"], paint: { "line-color": c.water, "line-width": 2 } },
    line("service", ["service", "living_street"], c.minor, [0.2, 5], 13),
    line("local", ["residential", "unclassified"], c.minor, [0.6, 9]),
    line("edge", ["tertiary", "secondary", "primary", "trunk", "motorway"], dark ? "#2a2622" : "#e4d9c8", [1.8, 19]),
    line("street", ["tertiary", "secondary"], c.major, [1, 14]),
    line("big", ["primary", "trunk", "motorway"], c.big, [1.4, 16]),
    { id: "stands", type: "circle", source: "city", minzoom: 12, filter: ["==", ["get", "kind"], "stand"], paint: { "circle-radius": 4, "circle-color": "#f4b43a", "circle-stroke-color": c.halo, "circle-stroke-width": 1.5 } },
    { id: "street-names", type: "symbol", source: "city", minzoom: 13.5, filter: ["all", ["==", ["get", "kind"], "road"], ["has", "name"], ["in", ["get", "class"], ["literal", ["primary", "secondary", "tertiary", "trunk", "motorway"]]]], layout: { "symbol-placement": "line", "text-field": name, "text-size": 11, "text-font": ["Ondol"] }, paint: text },
    { id: "places", type: "symbol", source: "city", minzoom: 11, filter: ["in", ["get", "kind"], ["literal", ["place", "station"]]], layout: { "text-field": name, "text-size": 12, "text-font": ["Ondol"], "symbol-sort-key": ["-", 0, ["coalesce", ["get", "rank"], 0]] }, paint: text },
    { id: "dots", type: "circle", source: "dots", paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 4, 15, 8], "circle-stroke-width": 1.5, "circle-stroke-color": dark ? "#14110f" : "#ffffff", "circle-color": ["match", ["get", "kind"], "free", "#2f9e5b", "asked", "#d9a514", "assigned", "#d9822b", "on_trip", "#3b6fd4", "paused", "#8d857c", "waiting", "#d3372b", "stale", "#b7aea4", "#8d857c"] } },
    { id: "dot-labels", type: "symbol", source: "dots", minzoom: 14, layout: { "text-field": ["get", "label"], "text-size": 10, "text-offset": [0, 1.2], "text-font": ["Ondol"] }, paint: text },
  ];
  return {
    version: 8,
    sources: {
      city: { type: "geojson", data: city as never, tolerance: 0.4 },
      dots: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
    },
    layers: layers as unknown as StyleSpecification["layers"],
  };
}
