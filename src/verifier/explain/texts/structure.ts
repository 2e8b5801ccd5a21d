/** Texts about the program as a whole: its instructions, its loops and its size, its records, and what it attaches to. */
import type { RejectionCode } from '../../codes.ts';
import type { RejectionTexts } from './text.ts';

const RECOMPILE =
  'Compilers do not make this: look at the tool, or the assembly, that made the instructions.';

/** By code: the program as a whole. */
export const STRUCTURE_TEXTS = {
  'too-complex': {
    title: 'The program is too complex to be checked',
    meaning:
      'The verifier looked at one million instructions on all paths together and gave up. This is not about the size of the program: branches multiply, and each round of a loop is walked by itself.',
    advice: [
      'Look at the busiest instructions: a loop there with branches in it is the usual cause.',
      'Replace a long loop by bpf_loop() or a for_each helper: the callback is checked once, not once a round.',
      'Put the body of the loop into a global (not static) function: it is checked once by itself.',
      'Let fewer variables differ between rounds, so that paths become the same and are cut short.',
    ],
  },
  'backtracking-too-long': {
    title: 'Paths on which exact values are computed are too long',
    meaning:
      'For each offset and each size the verifier goes back over the path to see what they were computed from. Here this is so long and so often that it would take minutes. The limit is one of bpflab: Linux has none, and would take its time.',
    advice: [
      'Compute offsets and sizes close to where they are used.',
      'Move what uses many of them to a global (not static) function: it is checked by itself.',
    ],
  },
  'out-of-memory': {
    title: 'What the verifier must remember does not fit into memory',
    meaning:
      'Each branch that waits for its other side, and each point where paths meet, keeps all registers and stack slots of all functions on the call chain. The limit is one of bpflab: Linux fails with ENOMEM when the machine has no more.',
    advice: [
      'Use less stack where many branches are open: a big buffer can be an element of a map.',
      'Branch in functions that are not deep in a chain of calls, or make them global.',
    ],
  },
  'too-many-jumps': {
    title: 'Too many branches are open at once',
    meaning: 'More than 8,192 branches on one path wait for their other side to be checked.',
    advice: [
      'A loop with a conditional jump in it, over a large count, is the usual cause: look at the busiest instructions.',
      'Replace it by bpf_loop(), or put its body into a global function.',
    ],
  },
  'infinite-loop': {
    title: 'A loop that never ends',
    meaning:
      'The path came back to instruction {insn} with everything that the loop depends on as it was: nothing in it changes from round to round, so it would go on forever.',
    advice: [
      'Count something up to a constant in every round, and leave when it is reached.',
      'A loop until memory changes (a map value, a global variable) has no end that the verifier can see: bound the number of rounds.',
      'Where the number of rounds is not known, use bpf_loop() or may_goto (`cond_break`).',
    ],
  },
  'unreachable-code': {
    title: 'Instructions that can never run',
    meaning: 'No path through the jumps of the program leads here.',
    advice: ['Remove them, or jump to them.', RECOMPILE],
    cases: [
      {
        when: /unreachable insn (?<place>\d+)/,
        title: 'Instructions that can never run',
        meaning: 'No jump and no fall through leads to instruction {place}.',
        advice: ['Remove them, or jump to them.', RECOMPILE],
      },
    ],
  },
  'jump-out-of-range': {
    title: 'A jump to where no instruction is',
    meaning: 'The target lies outside of the program, or in another function.',
    advice: ['Jump within the function.', RECOMPILE],
    cases: [
      {
        when: /jump out of range from insn (?<place>\d+) to (?<target>-?\d+)/,
        title: 'A jump to where no instruction is',
        meaning: 'Instruction {place} jumps to {target}, which lies outside of its function.',
        advice: ['Jump within the function.', RECOMPILE],
      },
    ],
  },
  'jump-into-ld-imm64': {
    title: 'A jump into the middle of an instruction',
    meaning: 'A ld_imm64 takes two places; the second is no instruction of its own.',
    advice: ['Jump to its first place or behind it.', RECOMPILE],
    cases: [
      {
        when: /jump into the middle of ldimm64 insn (?<place>\d+)/,
        title: 'A jump into the middle of an instruction',
        meaning: 'The ld_imm64 at {place} takes two places; the second is no instruction of its own.',
        advice: ['Jump to its first place or behind it.', RECOMPILE],
      },
    ],
  },
  'falls-through': {
    title: 'A function runs into what is behind it',
    meaning:
      'The last instruction of a function must be an exit or a jump; here the processor would go on with the next function, or with nothing.',
    advice: [
      'Return from the function on every path.',
      'A compiler leaves the end out where it concluded that it is never reached: a loop without an end, a division by a constant zero, or another operation that C leaves open.',
    ],
  },
  'call-out-of-range': {
    title: 'A call of a function that is not in the program',
    meaning: 'The target of the call lies outside of the program.',
    advice: [RECOMPILE],
  },
  'too-many-subprogs': {
    title: 'The program has too many functions',
    meaning: 'A program can have 256 functions.',
    advice: ['Let small functions be inlined.'],
  },
  'bad-length': {
    title: 'The program is empty, or far too long',
    meaning: 'A program has 1 to 1,000,000 instructions.',
    advice: ['Split it with tail calls.'],
  },
  'unknown-opcode': {
    title: 'An instruction that does not exist',
    meaning: 'The bytes at instruction {insn} are no instruction of Linux 6.12 ({message}).',
    advice: ['Compile for what the kernel has (-mcpu=v3 or v4).', RECOMPILE],
  },
  'reserved-field': {
    title: 'A field of an instruction that must be zero is not',
    meaning:
      'Fields that an instruction does not use must be zero, so that they can get a meaning later ({message}).',
    advice: ['The object may be for a newer kernel, which has given the field a meaning.', RECOMPILE],
  },
  'bad-register': {
    title: 'A register that does not exist',
    meaning: 'There are r0 to r10.',
    advice: [RECOMPILE],
  },
  'frame-pointer-write': {
    title: 'The frame pointer is written',
    meaning: 'r10 points to the top of the stack and can only be read.',
    advice: ['Use another register.', RECOMPILE],
  },
  'uninitialized-register': {
    title: 'A register is used that has no value',
    meaning: '{reg} has no value on this path.',
    advice: ['Give the variable a value on every path. Compilers warn of it with -Wall -Wuninitialized.'],
    cases: [
      {
        when: /R0 !read_ok/,
        title: 'The program ends without a return value',
        meaning: 'R0, which holds what a function returns, has no value on this path.',
        advice: [
          'Return a value on every path: a function that is not void needs a return at its end.',
          'A function that returns void leaves nothing in R0, nor does a helper that returns nothing.',
        ],
      },
      {
        when: /R(?<n>[1-5]) !read_ok/,
        title: 'A register is used that has no value',
        meaning:
          'R{n} has no value on this path. A call leaves nothing in r1 to r5, and at the start of a program only r1 (the context) and r10 (the stack) have values.',
        advice: [
          'Keep what is needed across calls in r6 to r9 or on the stack; compilers do.',
          'Give the variable a value on every path. In C, this comes from a variable that was never set, or from a function that is called with fewer arguments than it takes.',
        ],
      },
    ],
  },
  'division-by-zero': {
    title: 'A division by the constant zero',
    meaning: 'The divisor is the constant 0.',
    advice: ['Check the constant that the division uses: a macro or a sizeof may be 0.'],
  },
  'bad-shift': {
    title: 'A shift by more than the register has bits',
    meaning: 'The count must be less than 64, or 32 for a 32-bit operation ({message}).',
    advice: ['Check the constant.'],
  },
  'bad-ld-imm64': {
    title: 'A ld_imm64 that is not whole',
    meaning: 'A ld_imm64 takes two places, and the second must be made for it.',
    advice: [RECOMPILE],
  },
  'bad-map-fd': {
    title: 'A reference to a map that does not exist',
    meaning: 'The instruction names a map by a file descriptor, and there is no such map ({message}).',
    advice: ['Create the map first, and let the loader put its descriptor into the instruction.'],
  },
  'too-many-maps': {
    title: 'The program uses too many maps',
    meaning: 'A program can use 64 maps.',
    advice: ['Join maps: one with a larger value, or a map of maps.'],
  },
  'map-not-for-program': {
    title: 'A map that programs of this type cannot use',
    meaning:
      'The type of the map, or what is in its values, does not go with the type of the program ({message}).',
    advice: ['Use another map, or a program type that may use it.'],
  },
  'no-direct-value': {
    title: 'The address of a value of a map that has none',
    meaning: 'Only array maps with one element have values at an address that an instruction can name.',
    advice: ['Look the value up.'],
  },
  'no-arena': {
    title: 'A cast between address spaces without an arena',
    meaning: 'The second address space is that of an arena map, and the program uses none.',
    advice: [
      'Use the arena map in the program that casts.',
      'Outside of arenas, do without __attribute__((address_space)).',
    ],
  },
  'value-offset': {
    title: 'The address of a value with an offset outside of it',
    meaning: 'The instruction names a place in a map value that is not inside ({message}).',
    advice: ['Check the size of the variable, or of the map value.'],
  },
  'bad-btf-id': {
    title: 'A reference to a kernel variable that is none',
    meaning:
      'The instruction names something in the type information of the kernel that is no variable or function ({message}).',
    advice: ['Check the name after __ksym, and the type information that is used.'],
  },
  'bad-func-info': {
    title: 'Records of functions that do not fit the program',
    meaning:
      'The type information that goes with the program describes other functions than it has ({message}).',
    advice: [
      'Compile anew, and load what was compiled; tools that change instructions must change the records too.',
    ],
  },
  'bad-line-info': {
    title: 'Records of source lines that do not fit the program',
    meaning: 'The records of source lines point to places that are no instructions ({message}).',
    advice: ['Compile anew, or load without line records.'],
  },
  'no-btf': {
    title: 'Type information is missing',
    meaning: 'Records of functions or lines came without the types that they refer to.',
    advice: ['Compile with -g.'],
  },
  'no-attach-target': {
    title: 'What the program attaches to cannot be found',
    meaning: 'The type information has no function, or tracepoint, as this program names it ({message}).',
    advice: [
      'Check the name in the section name, and that the type information is that of the kernel it shall run on.',
    ],
  },
  'bad-attach-target': {
    title: 'The program cannot attach there',
    meaning: 'This function exists, but programs of this type may not attach to it ({message}).',
    advice: ['Attach to another function, or as another type (fmod_ret takes only functions made for it).'],
  },
  'cannot-sleep': {
    title: 'A sleepable program where none is allowed',
    meaning: 'Programs of this type, or at this place, run where the kernel cannot wait ({message}).',
    advice: ['Use the section name without `.s`.'],
  },
  'must-sleep': {
    title: 'A program that must be sleepable is not',
    meaning: 'Programs of this type always run where the kernel can wait, and must say so.',
    advice: ['Load it with BPF_F_SLEEPABLE; the section name "syscall" does.'],
  },
  'register-invariants': {
    title: 'The verifier contradicts itself',
    meaning:
      'What is known of a number contradicts itself. That is asked for with BPF_F_TEST_REG_INVARIANTS only, to test the verifier.',
    advice: ['Load without the flag.'],
  },
  'verifier-bug': {
    title: 'The verifier distrusts itself',
    meaning:
      'The verifier came to a state that it holds for impossible, and refuses the program rather than to be wrong ({message}).',
    advice: [
      'If the kernel accepts the program, this is an error of bpflab: please report it with the object.',
    ],
  },
  unsupported: {
    title: 'bpflab cannot check this yet',
    meaning: 'The program may be good: {message}. The kernel might accept it.',
    advice: [
      'docs/support-matrix.md says what is supported.',
      '`bpflab run --unsafe` runs the program without this check.',
    ],
  },
} as const satisfies Partial<Record<RejectionCode, RejectionTexts>>;
