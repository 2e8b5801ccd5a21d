/** Texts about calls: helpers and their arguments, functions, callbacks, references, locks, and what a program returns. */
import type { RejectionCode } from '../../codes.ts';
import type { RejectionTexts } from './text.ts';

/** By code: calls, references, locks. */
export const CALL_TEXTS = {
  'unknown-helper': {
    title: 'A helper that does not exist is called',
    meaning: 'There is no helper function with this number in Linux 6.12.',
    advice: ['Check the number; helpers are declared in bpf_helper_defs.h.'],
    // The numbers are those of libbpf's relo_core.c (bpf_core_poison_insn) and libbpf.c (POISON_LDIMM64_MAP_BASE, POISON_CALL_KFUNC_BASE).
    cases: [
      {
        when: /invalid func unknown#195896080$/,
        title: 'A field or type that the kernel does not have is used',
        meaning:
          'A CO-RE relocation failed, and libbpf put a call that can only fail where its result was needed: {missing}.',
        advice: [
          'Check the name, and that the types given (--btf) are those of the kernel that the program is for.',
          'If not every kernel has it: use it only where bpf_core_field_exists(), bpf_core_type_exists() or bpf_core_enum_value_exists() says so.',
        ],
      },
      {
        when: /invalid func unknown#2001\d{6}$/,
        title: 'A map that is not created is used',
        meaning: 'The loader left the map out, and put a call that can only fail in its place: {missing}.',
        advice: ['Have the map created, or do not come here without it.'],
      },
      {
        when: /invalid func unknown#2002\d{6}$/,
        title: 'A kernel function that is not there is called',
        meaning: 'The program declares the function __weak, and no kernel function has this name: {missing}.',
        advice: ['Call it only where bpf_ksym_exists() says that it is there.'],
      },
    ],
  },
  'helper-not-allowed': {
    title: 'A helper that programs of this type may not call',
    meaning: '{helper} is not there for programs of this type.',
    advice: [
      'Look up which helpers the type may call (docs/support-matrix.md, `bpftool feature`), and use another one or another program type.',
    ],
    cases: [
      {
        when: /program of this type cannot use helper (?<name>\w+)#(?<id>\d+)/,
        title: 'A helper that programs of this type may not call',
        meaning:
          '{name} (number {id}) is not there for programs of this type: it needs a context or a situation that they do not have.',
        advice: [
          'Use a helper that does the same for this type, or do the work in a program of another type and share the result in a map.',
          'Check the section name in the source: it decides the program type.',
        ],
      },
    ],
  },
  'gpl-only': {
    title: 'The licence of the program is not compatible with the GPL',
    meaning:
      '{helper} and what else belongs to the inside of the kernel is there for programs under a GPL-compatible licence only.',
    advice: [
      'If that is the licence, say so: `char _license[] SEC("license") = "GPL";` (or "Dual MIT/GPL", "Dual BSD/GPL").',
    ],
    cases: [
      {
        when: /cannot call GPL-restricted function/,
        title: 'A helper for GPL-compatible programs only',
        meaning:
          '{helper} is there for programs under a GPL-compatible licence only, and this program names another one, or none.',
        advice: [
          'If that is the licence, say so: `char _license[] SEC("license") = "GPL";` (or "Dual MIT/GPL", "Dual BSD/GPL").',
          'Otherwise do without the helper.',
        ],
      },
    ],
  },
  'helper-might-sleep': {
    title: 'A helper that may sleep, in a program that must not',
    meaning: '{helper} can wait for something, and this program runs where the kernel cannot wait.',
    advice: [
      'Use a sleepable program (section names with `.s`: fentry.s, lsm.s, uprobe.s), or a helper that does not wait.',
    ],
  },
  'bad-argument': {
    title: 'An argument of a helper has the wrong type',
    meaning: '{reg} is {value}, which is not what {helper} takes there.',
    advice: ['Check the order and the types of the arguments.'],
    cases: [
      {
        when: /R(?<n>\d+) type=scalar expected=(?<expected>.+)/,
        title: 'A helper is given a number where it takes a pointer',
        meaning: 'Argument {n} of {helper} must be a pointer (to the verifier: {expected}). R{n} is {value}.',
        advice: [
          'Pass the address of a variable (`&key`), not its value.',
          'An address that was read from memory is a number to the verifier.',
        ],
      },
      {
        when: /R(?<n>\d+) type=(?<type>\w+_or_null\w*) expected=(?<expected>.+)/,
        title: 'A helper is given a pointer that may be NULL',
        meaning:
          'Argument {n} of {helper} must be a pointer to something (to the verifier: {expected}). R{n} is {value}.',
        advice: ['Compare the pointer with NULL ahead of the call and leave if it is.'],
      },
      {
        when: /R(?<n>\d+) type=(?<type>\w+) expected=(?<expected>.+)/,
        title: 'A helper is given a pointer of the wrong type',
        meaning:
          'Argument {n} of {helper} must be a pointer of another type (to the verifier: {expected}). R{n} is {type}: {value}.',
        advice: [
          'Check the order of the arguments, and that a pointer is not used after what it pointed to was released.',
        ],
      },
      {
        when: /R(?<n>\d+) is of type (?<type>\S+) but (?<expected>\S+) is expected/,
        title: 'A helper is given another kernel structure',
        meaning: 'R{n} points to struct {type}, and {helper} takes struct {expected}.',
        advice: ['Follow the fields to a structure of the right type.'],
      },
      {
        when: /R(?<n>\d+) does not point to a readonly map/,
        title: 'A constant string is wanted',
        meaning:
          'Argument {n} of {helper} must be a string that nobody can change: the verifier reads it. R{n} is {value}.',
        advice: ['Declare it as a global `static const char name[] = "…";`, so that it lies in .rodata.'],
      },
      {
        when: /string is not zero-terminated/,
        title: 'A string without its end',
        meaning: 'The constant string that {helper} is given has no zero byte up to its end.',
        advice: ['Leave room for the zero: `static const char name[] = "…";` without a size does.'],
      },
      {
        when: /may write into memory pointed by R(?<n>\d+) type=(?<type>\w+)/,
        title: "A helper would write into the kernel's own structures",
        meaning:
          'R{n} is {value}. {helper} writes to what this argument points to, and programs cannot do that.',
        advice: ['Give it memory of the program (stack, map value) to write to.'],
      },
      {
        when: /get_local_storage\(\) doesn't support non-zero flags/,
        title: 'bpf_get_local_storage takes no flags',
        meaning: 'The second argument of bpf_get_local_storage must be the constant 0.',
        advice: ['Pass 0.'],
      },
    ],
  },
  'map-not-for-helper': {
    title: 'A helper that does not work on maps of this type',
    meaning: '{helper} cannot be used with this type of map.',
    advice: ['Use the helpers that this type of map has, or another type of map.'],
  },
  'negative-size': {
    title: 'A size that may be negative',
    meaning: '{reg} is {value}, and it is the size of memory for {helper}.',
    advice: [
      'Use an unsigned type, and check the upper end: `if (size > sizeof(buffer)) return 0;`.',
      'A helper that returns a length or a negative error needs a check for the error first.',
      'A mask gives both ends: `size &= 0xff;`.',
    ],
  },
  'unbounded-size': {
    title: 'A size without an upper limit',
    meaning: '{reg} is {value}, and it is the size of memory for {helper}. Nothing on this path limits it.',
    advice: [
      'Check it ahead of the call: `if (size > sizeof(buffer)) return 0;`, or mask it: `size &= 0xff;`.',
    ],
  },
  'zero-size': {
    title: 'A size that may be zero',
    meaning: '{helper} takes no memory of size 0, and {reg} is {value}.',
    advice: ['Check ahead of the call: `if (size == 0) return 0;`.'],
  },
  'bad-format': {
    title: 'A format string that cannot be used',
    meaning:
      'The string given to {helper} has a conversion that is not supported there, or it is not a constant that the verifier can read.',
    advice: [
      'Use the conversions that bpf_trace_printk and bpf_snprintf have (%d %u %x %s %p …), with a constant string.',
    ],
  },
  'not-a-reference': {
    title: 'Something is released that was not acquired',
    meaning:
      '{reg} is {value}. {helper} gives back what an acquiring helper gave to this program, and this is nothing like that, or was given back before.',
    advice: [
      'Release the pointer that the acquiring helper returned, unchanged, and once.',
      'Pointers that come with the context are not to be released.',
    ],
  },
  'reference-leak': {
    title: 'Something is acquired and not given back',
    meaning: 'The path ends while the program still holds something that it must give back.',
    advice: ['Give it back on every path, also on those that leave early.'],
    cases: [
      {
        when: /Unreleased reference id=(?<id>\d+) alloc_insn=(?<alloc>\d+)/,
        title: 'Something is acquired and not given back',
        meaning:
          'What the call at instruction {alloc} returned must be given back, and on this path nothing does so before the program ends: the kernel would never get it back.',
        advice: [
          'Give it back on every path, also on those that leave early: bpf_ringbuf_submit or bpf_ringbuf_discard for records, bpf_sk_release for sockets.',
          'A path on which the pointer is NULL holds nothing; one without a NULL check holds it.',
        ],
      },
      {
        when: /tail_call would lead to reference leak/,
        title: 'A tail call while something acquired is held',
        meaning:
          'A tail call that succeeds does not come back: what the program holds here could never be given back.',
        advice: ['Give it back ahead of bpf_tail_call.'],
      },
      {
        when: /BPF_LD_\[ABS\|IND\] cannot be mixed with socket references/,
        title: 'A legacy packet load while something acquired is held',
        meaning:
          'BPF_LD_ABS and BPF_LD_IND end the program where the packet is too short: what it holds here would never be given back.',
        advice: ['Give it back ahead of the load, or read the packet in another way (bpf_skb_load_bytes).'],
      },
    ],
  },
  'spin-lock': {
    title: 'Spin locks are not taken and given back in order',
    meaning: 'A program holds one lock at a time, in a value of a map, and gives it back before it ends.',
    advice: ['Take and give back the same lock in the same function, on every path.'],
    cases: [
      {
        when: /bpf_spin_unlock is missing/,
        title: 'A lock is not given back',
        meaning: 'The path ends while a spin lock is held: everybody else who wants it would wait forever.',
        advice: ['Call bpf_spin_unlock on every path that leaves, also on those that leave early.'],
      },
      {
        when: /Locking two bpf_spin_locks are not allowed/,
        title: 'A second lock is taken while one is held',
        meaning: 'A program may hold one lock at a time: two could wait for each other.',
        advice: ['Give the first one back before taking the second.'],
      },
      {
        when: /bpf_spin_unlock without taking a lock/,
        title: 'A lock is given back that is not held',
        meaning: 'On this path no lock was taken.',
        advice: ['Take the lock on every path that leads here.'],
      },
      {
        when: /bpf_spin_unlock of different lock/,
        title: 'Another lock is given back than was taken',
        meaning: 'To the verifier, each lookup gives another value with another lock, even for the same key.',
        advice: ['Use the same pointer, from one lookup, for both calls.'],
      },
      {
        when: /has no valid bpf_spin_lock|has to have BTF in order to use bpf_spin_lock/,
        title: 'The value of this map has no lock',
        meaning: 'The verifier finds locks by the type of the value, and this one has none.',
        advice: [
          'Declare the map in the .maps section with __type(value, struct …), with a struct bpf_spin_lock in the structure.',
        ],
      },
    ],
  },
  'call-with-lock': {
    title: 'A call while a spin lock is held',
    meaning: 'With a lock held, a program may call almost nothing: others are waiting for it.',
    advice: [
      'Call ahead of taking the lock or after giving it back; keep only plain loads, stores and arithmetic between.',
    ],
  },
  'bad-callback': {
    title: 'A callback that cannot be one',
    meaning: 'A callback must be a static function of the program with type information.',
    advice: ['Make it `static`, and compile with -g.'],
  },
  'bad-callback-result': {
    title: 'A callback returns something that is no number',
    meaning: 'A callback says with 0 that the helper shall go on and with 1 that it shall stop.',
    advice: ['Return 0 or 1.'],
  },
  'bad-function-argument': {
    title: 'The arguments of a function do not fit its type',
    meaning:
      'Global functions are checked by themselves, by the types of their arguments, so each call must bring what the types say.',
    advice: [
      'Check what is passed to pointer arguments: as many bytes as the type has, and not NULL unless the argument is tagged so (__arg_nullable).',
      'Make the function `static`: then it is checked with the values of each call.',
    ],
    cases: [
      {
        when: /^arg#(?<n>\d+) expects pointer to ctx/,
        title: 'A function takes the context and is given something else',
        meaning:
          'Argument {n} of the function, counted from 0, has the type of the context. Only the context itself can be passed there.',
        advice: [
          'Pass the ctx that the program was called with, unchanged.',
          'If another structure is meant: give it a type of its own, or make the function `static`.',
        ],
      },
      {
        when: /Caller passes invalid args into func#(?<n>\d+) \('(?<name>[^']*)'\)/,
        title: 'A global function is called with arguments that do not fit its type',
        meaning:
          'Global functions are checked by themselves, by the types of their arguments. This call of {name} brings something else ({detail}).',
        advice: [
          'A pointer argument needs as many good bytes as its type has, and must not be NULL.',
          'Make the function `static`: then it is checked with the values of each call.',
        ],
      },
    ],
  },
  'bad-return-value': {
    title: 'The program returns a value that it must not return',
    meaning: 'What programs of this type return has a meaning; other numbers are refused. R0 is {value}.',
    advice: ['Return one of the constants for this program type.'],
    cases: [
      {
        when: /BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value/,
        title: 'The hook has no result that the program could change',
        meaning:
          'This LSM hook returns nothing, so an lsm_cgroup program on it must return 1. On this path R0 is {value}.',
        advice: ['Return 1 on every path.'],
      },
      {
        when: /At program exit the register R0 has (?<has>.+) should have been in (?<range>\[.+\])/,
        title: 'The program returns a value that it must not return',
        meaning: 'Programs of this type return a number in {range}. On this path R0 is {value}.',
        advice: [
          'Return one of the constants for this program type on every path.',
          'A value that comes from elsewhere (a map, a helper) must be limited first: `return verdict & 1;`, or `verdict ? 1 : 0`.',
        ],
      },
      {
        when: /At callback return the register R0 has (?<has>.+) should have been in (?<range>\[.+\])/,
        title: 'A callback returns a value that it must not return',
        meaning: 'Callbacks return a number in {range}: 0 to go on, 1 to stop. On this path R0 is {value}.',
        advice: ['Return 0 or 1.'],
      },
      {
        when: /R0 is not a (?:known|scalar) value \((?<type>\w+)\)/,
        title: 'A function returns a pointer',
        meaning:
          'R0 is {value}. What the program, or a global function, returns must be a number: a pointer would give kernel addresses away.',
        advice: ['Return a number.'],
      },
    ],
  },
  'stack-too-deep': {
    title: 'Functions that call each other use too much stack',
    meaning: 'All functions of a chain of calls share 512 bytes of stack.',
    advice: ['Put large variables into a map, or make the chain shorter.'],
    cases: [
      {
        when: /combined stack size of (?<calls>\d+) calls is (?<bytes>\d+)/,
        title: 'Functions that call each other use too much stack',
        meaning: 'A chain of {calls} functions uses {bytes} bytes of stack; all of a chain share 512 bytes.',
        advice: [
          'Put large variables into a map (a per-CPU array with one element is the usual place).',
          'Use less in the functions that call deepest; each takes a multiple of 16 bytes.',
        ],
      },
    ],
  },
  'stack-before-tail-call': {
    title: 'Too much stack is in use where a tail call happens',
    meaning:
      'A function that makes a tail call may be called with at most 256 bytes of stack in use: the next program brings its own.',
    advice: ['Use less stack in the callers, or make the tail call from the program itself.'],
  },
  'too-many-frames': {
    title: 'Calls are nested too deeply',
    meaning: 'Functions can call each other 8 deep at most, and never themselves.',
    advice: [
      'Make the chain shorter: let small functions be inlined (`static __always_inline`), and turn recursion into a loop.',
    ],
  },
  'tail-call-in-subprog': {
    title: 'A tail call from a function where none is allowed',
    meaning:
      'Only functions that return an int, with type information, may make tail calls: the next program returns in their place.',
    advice: ['Let the function return int, and compile with -g.'],
  },
  'ld-abs': {
    title: 'A legacy packet load that is not allowed here',
    meaning:
      'BPF_LD_ABS and BPF_LD_IND end the program where the packet is too short, so nothing may be held then.',
    advice: ['Use bpf_skb_load_bytes, or read the packet directly.'],
  },
  'ld-abs-in-callback': {
    title: 'A legacy packet load in a callback',
    meaning:
      'BPF_LD_ABS and BPF_LD_IND end the program where the packet is too short, which a callback cannot do.',
    advice: ['Use bpf_skb_load_bytes.'],
  },
  'ld-abs-in-subprog': {
    title: 'A legacy packet load in a function where none is allowed',
    meaning:
      'BPF_LD_ABS and BPF_LD_IND return from the function where the packet is too short, so it must return an int and have type information.',
    advice: ['Let the function return int, compile with -g, or use bpf_skb_load_bytes.'],
  },
} as const satisfies Partial<Record<RejectionCode, RejectionTexts>>;
