import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { Pod } from "../api/index.ts";
import { configObjects } from "../config-objects.ts";
import { parseManifests } from "../manifests/parse-manifests.ts";
import { podsOf } from "../testing/world.ts";
import { foldersOf, preparePodVolumes, removePodVolumes } from "./pod-volumes.ts";

const PLACEMENT = { nodeName: "node-1", hostIP: "192.0.2.1", podIP: undefined, cpus: 4, memoryBytes: 1024 ** 3 };
const OBJECTS = `
{ apiVersion: v1, kind: ConfigMap, metadata: { name: m }, data: { a: A, b: B } }
---
{ apiVersion: v1, kind: Secret, metadata: { name: s }, stringData: { key: hidden } }
`;

function podWith(volume: string, mount = ""): Pod {
  const [pod] = podsOf(`
apiVersion: v1
kind: Pod
metadata: { name: p, labels: { app: web, tier: "1" } }
spec:
  volumes: [{ name: v, ${volume} }]
  containers: [{ name: c, image: i:v1, volumeMounts: [{ name: v, mountPath: /v ${mount === "" ? "" : `, ${mount}`} }] }]
`);
  return pod!;
}

function objectsOf(text: string) {
  const { objects } = parseManifests([{ source: "objects", text }]);
  return configObjects(
    objects.filter((object) => object.kind === "ConfigMap"),
    objects.filter((object) => object.kind === "Secret"),
  );
}

async function prepare(root: string, pod: Pod, objects = OBJECTS, group?: number): Promise<string> {
  await preparePodVolumes(root, { pod, objects: objectsOf(objects), placement: PLACEMENT }, { group });
  return path.join(root, "v");
}

const scratch = () => mkdtempDisposable(path.join(os.tmpdir(), "volumes-"));

/** Files people see, by path. */
async function contents(folder: string): Promise<Record<string, string>> {
  const data = path.join(folder, await readlink(path.join(folder, "..data")));
  const entries = await readdir(data, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(data, path.join(entry.parentPath, entry.name)));
  // Read by their public names: the links must lead there.
  const pairs = names.map(async (name) => [name, await readFile(path.join(folder, name), "utf8")] as const);
  return Object.fromEntries((await Promise.all(pairs)).toSorted(([a], [b]) => a.localeCompare(b)));
}

test("preparePodVolumes() writes what objects hold", async (t) => {
  const cases: readonly [volume: string, files: Readonly<Record<string, string>>][] = [
    ["configMap: { name: m }", { a: "A", b: "B" }],
    ["configMap: { name: m, items: [{ key: a, path: deep/er/x }] }", { "deep/er/x": "A" }],
    ["configMap: { name: none, optional: true }", {}],
    ["secret: { secretName: s }", { key: "hidden" }],
    ["secret: { secretName: s, optional: true, items: [{ key: none, path: x }] }", {}],
    [
      "downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }, { path: mem, resourceFieldRef: { containerName: c, resource: limits.memory, divisor: 1Mi } }] }",
      { labels: 'app="web"\ntier="1"', mem: "1024" },
    ],
    [
      "projected: { sources: [{ configMap: { name: m } }, { secret: { name: s, items: [{ key: key, path: a }] } }, { downwardAPI: { items: [{ path: name, fieldRef: { fieldPath: metadata.name } }] } }] }",
      { a: "hidden", b: "B", name: "p" },
    ],
  ]; // oxfmt-ignore

  for (const [volume, files] of cases)
    await t.test(volume, async () => {
      await using root = await scratch();
      assert.deepEqual(await contents(await prepare(root.path, podWith(volume))), files);
    });
});

test("preparePodVolumes() says in Kubernetes' words what is missing", async (t) => {
  const cases: readonly [volume: string, message: string][] = [
    ["configMap: { name: none }", 'configmap "none" not found'],
    ["secret: { secretName: none }", 'secret "none" not found'],
    ["configMap: { name: m, items: [{ key: nokey, path: x }] }", "references non-existent config key: nokey"],
    ["secret: { secretName: s, items: [{ key: nokey, path: x }] }", "references non-existent secret key: nokey"],
    [
      "configMap: { name: m, items: [{ key: a, path: x }, { key: b, path: x/y }] }",
      "path x/y is both a file and a folder",
    ],
    ["hostPath: { path: /no/such/folder }", "hostPath /no/such/folder: there is no such folder"],
    ["hostPath: { path: /dev/null, type: Directory }", "hostPath type check failed: /dev/null is not a directory"],
  ];

  for (const [volume, message] of cases)
    await t.test(volume, async () => {
      await using root = await scratch();
      await assert.rejects(prepare(root.path, podWith(volume)), {
        name: "VolumeError",
        message: `MountVolume.SetUp failed for volume "v" : ${message}`,
      });
    });
});

test("preparePodVolumes() swaps changed files at once, removes stale names and leaves unchanged files alone", async () => {
  await using root = await scratch();
  const pod = podWith("configMap: { name: m }");
  const folder = await prepare(root.path, pod);
  const first = await readlink(path.join(folder, "..data"));

  await prepare(root.path, pod);
  assert.equal(await readlink(path.join(folder, "..data")), first);
  await prepare(root.path, pod, "{ apiVersion: v1, kind: ConfigMap, metadata: { name: m }, data: { a: A2, c: C } }");

  assert.deepEqual(await contents(folder), { a: "A2", c: "C" });
  const version = await readlink(path.join(folder, "..data"));
  assert.deepEqual((await readdir(folder)).toSorted(), ["..data", version, "a", "c"].toSorted());
});

test("preparePodVolumes() shuts others out: the folder above is closed, files have their modes", async () => {
  await using root = await scratch();
  const top = path.join(root.path, "volumes");
  const folder = await prepare(top, podWith("secret: { secretName: s, defaultMode: 0400 }"));

  assert.equal((await stat(top)).mode & 0o777, 0o700);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.equal((await stat(path.join(folder, "key"))).mode & 0o777, 0o400);
});

test(
  "preparePodVolumes() gives files to the guests' group and to nobody else",
  { skip: process.getuid?.() !== 0 && "needs root to change the group" },
  async () => {
    await using root = await scratch();
    const folder = await prepare(root.path, podWith("secret: { secretName: s, defaultMode: 0444 }"), OBJECTS, 65_534);

    const file = await stat(path.join(folder, "key"));
    assert.deepEqual([file.uid, file.gid, file.mode & 0o777], [0, 65_534, 0o440]);
    const directory = await stat(folder);
    assert.deepEqual([directory.uid, directory.gid, directory.mode & 0o777], [0, 65_534, 0o750]);
  },
);

test("preparePodVolumes() keeps an emptyDir's content and removePodVolumes() removes it, but no host path", async () => {
  await using root = await scratch();
  const host = path.join(root.path, "host");
  const pod = podWith(`hostPath: { path: ${host}, type: DirectoryOrCreate }`);
  const volumes = path.join(root.path, "volumes");
  await prepare(volumes, pod);
  await writeFile(path.join(host, "kept"), "");
  const folder = await prepare(volumes, podWith("emptyDir: {}"));
  await writeFile(path.join(folder, "file"), "x");

  await prepare(volumes, podWith("emptyDir: {}"));
  assert.deepEqual(await readdir(folder), ["file"]);
  await removePodVolumes(volumes);

  assert.deepEqual(await readdir(root.path), ["host"]);
  assert.deepEqual(await readdir(host), ["kept"]);
});

test("foldersOf() makes what comes from objects read-only", async (t) => {
  for (const [volume, mount, readonly] of [
    ["configMap: { name: m }", "", true],
    ["emptyDir: {}", "", false],
    ["emptyDir: {}", "readOnly: true", true],
  ] as const)
    await t.test(`${volume} ${mount}`, async () => {
      await using root = await scratch();
      const pod = podWith(volume, mount);
      const folder = await prepare(root.path, pod);
      const [found] = await foldersOf(root.path, pod, pod.spec.containers[0]!);
      using _ = found!;
      assert.deepEqual([found!.containerPath, found!.hostPath, found!.readonly], ["/v", folder, readonly]);
    });
});

test("foldersOf() opens a subPath through descriptors, making folders that are missing", async () => {
  await using root = await scratch();
  const pod = podWith("emptyDir: {}", "subPath: a/b");
  const folder = await prepare(root.path, pod);

  const [found] = await foldersOf(root.path, pod, pod.spec.containers[0]!);
  using open = found!;
  await writeFile(path.join(open.hostPath, "file"), "x");

  assert.equal(await readFile(path.join(folder, "a/b/file"), "utf8"), "x");
  assert.match(open.hostPath, /^\/proc\/\d+\/fd\/\d+\/\.$/);
});

test("foldersOf() lets no subPath lead out of the volume", async (t) => {
  const cases: readonly [name: string, make: (folder: string, outside: string) => Promise<void>, message: RegExp][] = [
    ["an absolute link", (folder, outside) => symlink(outside, path.join(folder, "a")), /leads out of the volume/],
    ["a relative link", (folder) => symlink("../../outside", path.join(folder, "a")), /leads out of the volume/],
    ["a link to /", (folder) => symlink("/", path.join(folder, "a")), /leads out of the volume/],
    ["a dangling link", (folder) => symlink("/no/such", path.join(folder, "a")), /not a folder/],
    ["a file", (folder) => writeFile(path.join(folder, "a"), ""), /folders only/],
  ];

  for (const [name, make, message] of cases)
    await t.test(name, async () => {
      await using root = await scratch();
      const outside = path.join(root.path, "outside");
      await mkdir(outside);
      const pod = podWith("emptyDir: {}", "subPath: a/b");
      const volumes = path.join(root.path, "volumes");
      await make(await prepare(volumes, pod), outside);

      await assert.rejects(foldersOf(volumes, pod, pod.spec.containers[0]!), message);
      assert.deepEqual(await readdir(outside), []);
    });
});

test("foldersOf() takes a subPath of a volume made from objects", async () => {
  await using root = await scratch();
  const pod = podWith("configMap: { name: m, items: [{ key: a, path: deep/x }] }", "subPath: deep");
  await prepare(root.path, pod);

  const [found] = await foldersOf(root.path, pod, pod.spec.containers[0]!);
  using open = found!;

  assert.equal(await readFile(path.join(open.hostPath, "x"), "utf8"), "A");
});
