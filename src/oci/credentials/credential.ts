/** What proves who is asking, as Docker's config files and CRI's AuthConfig hold it. */
export type Credential =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  /** A refresh token that the registry's token server takes for short-lived ones. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** A bearer token for the registry itself. */
  | { readonly kind: "registry-token"; readonly token: string };

/** CRI's AuthConfig, and an entry of `auths` in a Docker config file. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** `username:password` in base64. */
  readonly auth?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

/** Finds the credential for a registry, and a repository in it if there are several; undefined when there is none. */
export interface CredentialSource {
  find(registry: string, repository: string, signal?: AbortSignal): Promise<Credential | undefined>;
}

export const noCredentials: CredentialSource = { find: () => Promise.resolve(undefined) };

/** Reads an AuthConfig; undefined when it is empty. Throws SyntaxError when `auth` is malformed, without showing it. */
export function credentialOf(auth: RegistryAuth): Credential | undefined {
  if (auth.registryToken) return { kind: "registry-token", token: auth.registryToken };
  if (auth.identityToken) return { kind: "identity-token", token: auth.identityToken };
  if (auth.username) return { kind: "basic", username: auth.username, password: auth.password ?? "" };
  if (!auth.auth) return undefined;
  const decoded = Buffer.from(auth.auth, "base64").toString("utf8").replaceAll(/\0+$/g, "");
  const colon = decoded.indexOf(":");
  if (colon < 1) throw new SyntaxError("its auth field must be username:password in base64");
  return { kind: "basic", username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
