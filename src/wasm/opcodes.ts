/** Opcodes that the instrumenting treats apart or writes. */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  call: 0x10,
  returnCall: 0x12,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  tableGet: 0x25,
  tableSet: 0x26,
  i32Load8U: 0x2d,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eq: 0x46,
  i32LtU: 0x49,
  i32GtS: 0x4a,
  i32GtU: 0x4b,
  i32LeU: 0x4d,
  i64GtU: 0x56,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i64Add: 0x7c,
  i64Shl: 0x86,
  i32WrapI64: 0xa7,
  i64ExtendI32U: 0xad,
  refFunc: 0xd2,
  gcPrefix: 0xfb,
  bulkPrefix: 0xfc,
  simdPrefix: 0xfd,
  atomicPrefix: 0xfe,
} as const;

/** Opcodes behind `OP.bulkPrefix`. */
export const BULK = {
  memoryInit: 8,
  dataDrop: 9,
  memoryCopy: 10,
  memoryFill: 11,
  tableInit: 12,
  elemDrop: 13,
  tableCopy: 14,
  tableGrow: 15,
  tableSize: 16,
  tableFill: 17,
} as const;

/** What follows an opcode. */
export const IMMEDIATE = {
  unknown: 0,
  none: 1,
  index: 2,
  twoIndices: 3,
  memoryAccess: 4,
  blockType: 5,
  i32: 6,
  i64: 7,
  bytes4: 8,
  bytes8: 9,
  bytes16: 10,
  byte: 11,
  branchTable: 12,
  valueTypes: 13,
  heapType: 14,
  catches: 15,
  memoryIndex: 16,
  memoryAccessLane: 17,
  castBranch: 18,
  functionIndex: 19,
  globalIndex: 20,
  prefix: 21,
  segmentMemory: 22,
  twoMemories: 23,
} as const;

type Immediate = (typeof IMMEDIATE)[keyof typeof IMMEDIATE];
/** First opcode, last opcode, what follows them. */
type Range = readonly [first: number, last: number, immediate: Immediate];

function table(size: number, ranges: readonly Range[]): Uint8Array {
  const immediates = new Uint8Array(size);
  for (const [first, last, immediate] of ranges) immediates.fill(immediate, first, last + 1);
  return immediates;
}

const I = IMMEDIATE;

/** One-byte opcodes: core, exceptions of both kinds, tail calls, references. */
export const PLAIN_OPCODES = table(256, [
  [0x00, 0x01, I.none],
  [0x02, 0x04, I.blockType],
  [0x05, 0x05, I.none],
  [0x06, 0x06, I.blockType],
  [0x07, 0x09, I.index],
  [0x0a, 0x0b, I.none],
  [0x0c, 0x0d, I.index],
  [0x0e, 0x0e, I.branchTable],
  [0x0f, 0x0f, I.none],
  [0x10, 0x10, I.functionIndex],
  [0x11, 0x11, I.twoIndices],
  [0x12, 0x12, I.functionIndex],
  [0x13, 0x13, I.twoIndices],
  [0x14, 0x15, I.index],
  [0x18, 0x18, I.index],
  [0x19, 0x1b, I.none],
  [0x1c, 0x1c, I.valueTypes],
  [0x1f, 0x1f, I.catches],
  [0x20, 0x22, I.index],
  [0x23, 0x24, I.globalIndex],
  [0x25, 0x26, I.index],
  [0x28, 0x3e, I.memoryAccess],
  [0x3f, 0x40, I.memoryIndex],
  [0x41, 0x41, I.i32],
  [0x42, 0x42, I.i64],
  [0x43, 0x43, I.bytes4],
  [0x44, 0x44, I.bytes8],
  [0x45, 0xc4, I.none],
  [0xd0, 0xd0, I.heapType],
  [0xd1, 0xd1, I.none],
  [0xd2, 0xd2, I.functionIndex],
  [0xd3, 0xd4, I.none],
  [0xd5, 0xd6, I.index],
  [0xfb, 0xfe, I.prefix],
]);

/** Behind 0xfb: structs, arrays, casts. */
const GC_OPCODES = table(31, [
  [0, 1, I.index],
  [2, 5, I.twoIndices],
  [6, 7, I.index],
  [8, 10, I.twoIndices],
  [11, 14, I.index],
  [15, 15, I.none],
  [16, 16, I.index],
  [17, 19, I.twoIndices],
  [20, 23, I.heapType],
  [24, 25, I.castBranch],
  [26, 30, I.none],
]);

/** Behind 0xfc: saturating conversions, bulk operations, wide arithmetic. */
const BULK_OPCODES = table(23, [
  [0, 7, I.none],
  [8, 8, I.segmentMemory],
  [9, 9, I.index],
  [10, 10, I.twoMemories],
  [11, 11, I.memoryIndex],
  [12, 12, I.twoIndices],
  [13, 13, I.index],
  [14, 14, I.twoIndices],
  [15, 17, I.index],
  [19, 22, I.none],
]);

const SIMD_HOLES = [
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2,
  0xee,
];

/** Behind 0xfd: SIMD and relaxed SIMD. */
const SIMD_OPCODES = table(276, [
  [0, 11, I.memoryAccess],
  [12, 13, I.bytes16],
  [14, 20, I.none],
  [21, 34, I.byte],
  [35, 83, I.none],
  [84, 91, I.memoryAccessLane],
  [92, 93, I.memoryAccess],
  [94, 275, I.none],
  ...SIMD_HOLES.map((hole): Range => [hole, hole, I.unknown]),
]);

/** Behind 0xfe: atomics, which memories that are not shared may use too. */
const ATOMIC_OPCODES = table(79, [
  [0, 2, I.memoryAccess],
  [3, 3, I.byte],
  [16, 78, I.memoryAccess],
]);

/** What follows each opcode behind a prefix byte. */
export const PREFIXED_OPCODES: Readonly<Record<number, Uint8Array>> = {
  [OP.gcPrefix]: GC_OPCODES,
  [OP.bulkPrefix]: BULK_OPCODES,
  [OP.simdPrefix]: SIMD_OPCODES,
  [OP.atomicPrefix]: ATOMIC_OPCODES,
};
