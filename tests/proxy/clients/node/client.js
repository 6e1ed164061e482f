// toxiproxy-node-client, as its users use it: `client.js API UPSTREAM`. Says what it sees; fails when it is not right.
"use strict";

const assert = require("node:assert");
const net = require("node:net");
const { Toxiproxy, ToxiproxyError } = require("toxiproxy-node-client");

const TOXICS = {
  latency: { latency: 150, jitter: 0 },
  bandwidth: { rate: 1000 },
  slow_close: { delay: 5 },
  timeout: { timeout: 60000 },
  reset_peer: { timeout: 60000 },
  slicer: { average_size: 64, size_variation: 16, delay: 10 },
  limit_data: { bytes: 1000000 },
};

const say = (...words) => console.log(...words.map((word) => (typeof word === "string" ? word : JSON.stringify(word))));

// Milliseconds for an echo.
const echo = (address) =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    const [host, port] = address.split(":");
    const socket = net.connect({ host, port: Number(port) }, () => socket.write("ping"));
    socket.setTimeout(5000, () => socket.destroy(new Error("no echo")));
    socket.on("data", () => {
      socket.destroy();
      resolve(performance.now() - began);
    });
    socket.on("error", reject);
  });

const refusal = async (call) => {
  try {
    await call();
  } catch (error) {
    assert(error instanceof ToxiproxyError, error);
    return error.message;
  }
  throw new Error("it should have been refused");
};

async function main(api, upstream) {
  const server = new Toxiproxy(`http://${api}`);
  assert.match(await server.getVersion(), /version/);

  const proxy = await server.createProxy({ name: "node", listen: "127.0.0.1:0", upstream });
  say("created", proxy.name, proxy.listen, proxy.upstream === upstream, proxy.enabled);
  say("again", await refusal(() => server.createProxy({ name: "node", listen: "127.0.0.1:0", upstream })));
  say("nobody", await refusal(() => server.get("nobody")));
  say("listed", Object.keys(await server.getAll()).sort());
  assert((await echo(proxy.listen)) < 1000);

  for (const [type, attributes] of Object.entries(TOXICS)) {
    for (const stream of ["upstream", "downstream"]) {
      const name = `${type}-${stream}`;
      const added = await proxy.addToxic({ name, type, stream, toxicity: 0.5, attributes });
      assert.deepStrictEqual((await proxy.getToxic(name)).toJson(), added.toJson());
      assert.deepStrictEqual(added.attributes, attributes);
      say("toxic", added.toJson());
      const changed = await added.update({ name, type, stream, toxicity: 0.25, attributes });
      assert.strictEqual(changed.toxicity, 0.25);
      await changed.remove();
    }
  }
  say("bad", await refusal(() => proxy.addToxic({ name: "x", type: "latancy", stream: "upstream", attributes: {} })));
  say("gone", await refusal(() => proxy.getToxic("latency-upstream")));

  const slow = { name: "slow", type: "latency", stream: "downstream", toxicity: 1, attributes: { latency: 150, jitter: 0 } };
  await proxy.addToxic(slow);
  assert((await echo(proxy.listen)) >= 149);
  const off = await proxy.update({ enabled: false, listen: proxy.listen, upstream });
  await assert.rejects(echo(proxy.listen), { code: "ECONNREFUSED" });
  say("disabled", off.enabled, off.listen === proxy.listen);
  await server.reset();
  say("reset", (await server.get("node")).enabled, await refusal(() => proxy.getToxic("slow")));
  assert((await echo(proxy.listen)) < 149);

  const populated = await server.populate([{ name: "node2", listen: "127.0.0.1:0", upstream, enabled: true }]);
  say("populated", Object.values(populated).map((one) => one.name));
  await populated.node2.remove();
  await proxy.remove();
  say("left", Object.keys(await server.getAll()).filter((name) => name.startsWith("node")));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
