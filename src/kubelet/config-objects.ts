import type { ConfigMap, Secret } from "./api/index.ts";

/** ConfigMaps and Secrets by namespace and name. */
export interface ConfigObjects {
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
}

/** The objects a pod refers to, looked up in these lists. */
export function configObjects(configMaps: readonly ConfigMap[], secrets: readonly Secret[]): ConfigObjects {
  const mapsByName = byName(configMaps);
  const secretsByName = byName(secrets);
  return {
    configMap: (namespace, name) => mapsByName.get(`${namespace}/${name}`),
    secret: (namespace, name) => secretsByName.get(`${namespace}/${name}`),
  };
}

function byName<T extends ConfigMap | Secret>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, object]));
}
