/** Largest module read, in bytes. Threat: an image that fills memory while it is prepared. */
export const MAX_MODULE_BYTES = 64 * 1024 * 1024;

/** Largest instrumented module, in bytes. Threat: a module of nothing but empty loops grows tenfold. */
export const MAX_INSTRUMENTED_BYTES = 2 * MAX_MODULE_BYTES;

/**
 * Functions added in place of bulk operations: one for each segment or pair of segment and table that is used.
 * Threat: millions of pairs.
 */
export const MAX_HELPERS = 10_000;

/**
 * Table entries of one instance, all tables together, grown ones too. Threat: tables are not part of the guest's memory, so
 * `table.grow` would go round its limit (V8 keeps about 32 bytes per entry). Also the elements of all segments, which are
 * written to tables when an instance is made: 17 ms for 256 Ki.
 */
export const MAX_TABLE_ENTRIES = 256 * 1024;

/**
 * Bytes of constant expressions in one section. Threat: they are interpreted whenever an instance is made, without checks;
 * 1 MiB takes 7 ms.
 */
export const MAX_CONSTANT_BYTES = 2 * 1024 * 1024;

/** Mutable globals that are put back between two runs; a module with more gets fresh instances. Threat: slow recycling. */
export const MAX_RECYCLED_GLOBALS = 4096;

/**
 * Counts of a module's parts, checked before anything is allocated for them. Threat: three bytes of a type section cost a
 * hundred in memory. At or below what the JavaScript API allows ("Implementation-defined limits"), which V8 enforces anyway.
 */
export const COUNT_LIMITS = {
  types: 100_000,
  functions: 1_000_000,
  imports: 100_000,
  exports: 100_000,
  globals: 100_000,
  tags: 100_000,
  tables: 10_000,
  memories: 100,
  dataSegments: 100_000,
  elementSegments: 100_000,
  elements: 10_000_000,
  parameters: 1000,
  results: 1000,
  fields: 10_000,
  locals: 50_000,
  functionBytes: 7_654_321,
} as const;
