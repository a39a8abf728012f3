// The wires between pages, nodes and nodes, so that a story can cut them: each is a TCP proxy before a node.

import { createServer, connect } from "node:net";

const GATEWAY = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/**
 * What a link does: `whole` passes everything; `cut` closes at once; `silent` takes everything and says nothing;
 * `gateway` answers as a proxy does whose node is dead.
 */
export async function link({ name, from, to }) {
  const target = new URL(to);
  const open = new Set();
  let state = "whole";
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    if (state === "cut") socket.destroy();
    else if (state === "silent") socket.resume();
    else if (state === "gateway") socket.once("data", () => socket.end(GATEWAY));
    else {
      const node = connect(Number(target.port), target.hostname);
      node.on("error", () => socket.destroy());
      node.on("close", () => socket.destroy());
      socket.on("close", () => node.destroy());
      socket.pipe(node).pipe(socket);
    }
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(new URL(from).port), "127.0.0.1", resolve);
  });
  const become = (next) => {
    state = next;
    for (const socket of open) socket.destroy();
  };
  return {
    name,
    url: from,
    node: to,
    cut: () => become("cut"),
    silence: () => become("silent"),
    answerAsGateway: () => become("gateway"),
    heal: () => become("whole"),
    close: () => {
      become("cut");
      server.close();
    },
  };
}

/** The links of the command line by name; `undefined` where a story cannot be played without them. */
export function linksOf(options, ...names) {
  const found = names.map((name) => options.links.find((known) => known.name === name));
  return found.every(Boolean) ? found : undefined;
}

/** Plays `story` and leaves every link whole, however it ends. */
export async function healing(options, story) {
  try {
    return await story();
  } finally {
    for (const one of options.links) one.heal();
  }
}
