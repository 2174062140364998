import type { Clock } from "../base/index.ts";
import type { ShimClient } from "../shim/index.ts";
import type { PreparedModule } from "./images/index.ts";

/** How long a module without a container stays compiled in the shim; a crash loop or `--watch` would compile it again and again. */
const UNLOAD_AFTER_MS = 30_000;

interface Loaded {
  uses: number;
  readonly loading: Promise<void>;
  timer?: Disposable;
}

/** Modules loaded into the shim: once a digest, as long as a container uses them and a little longer. */
export class LoadedModules implements Disposable {
  readonly #shim: ShimClient;
  readonly #clock: Clock;
  readonly #onUnloadError: (error: unknown) => void;
  readonly #loaded = new Map<string, Loaded>();

  constructor(shim: ShimClient, clock: Clock, onUnloadError: (error: unknown) => void) {
    this.#shim = shim;
    this.#clock = clock;
    this.#onUnloadError = onUnloadError;
  }

  /** Resolves once the shim has the module; disposing the answer says that a container no longer uses it. Rejects with ShimError. */
  async use(module: PreparedModule): Promise<Disposable> {
    const { digest } = module;
    let loaded = this.#loaded.get(digest);
    if (!loaded) {
      loaded = { uses: 0, loading: this.#load(module) };
      this.#loaded.set(digest, loaded);
    }
    loaded.timer?.[Symbol.dispose]();
    loaded.uses++;
    try {
      await loaded.loading;
    } catch (error) {
      if (this.#loaded.get(digest) === loaded) this.#loaded.delete(digest);
      throw error;
    }
    return this.#usage(digest, loaded);
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#loaded.values()) timer?.[Symbol.dispose]();
    this.#loaded.clear();
  }

  async #load(module: PreparedModule): Promise<void> {
    await using file = await module.open();
    await this.#shim.request({ op: "load-module", digest: module.digest, layout: module.layout }, [file.fd]);
  }

  #usage(digest: string, loaded: Loaded): Disposable {
    let isUsed = true;
    return {
      [Symbol.dispose]: () => {
        if (!isUsed) return;
        isUsed = false;
        loaded.uses--;
        if (loaded.uses === 0) loaded.timer = this.#clock.after(UNLOAD_AFTER_MS, () => this.#unload(digest, loaded));
      },
    };
  }

  #unload(digest: string, loaded: Loaded): void {
    if (loaded.uses > 0 || this.#loaded.get(digest) !== loaded) return;
    this.#loaded.delete(digest);
    this.#shim.request({ op: "unload-module", digest }).catch(this.#onUnloadError);
  }
}
