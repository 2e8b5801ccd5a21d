/** Texts about pointers: what is none, what may be NULL, what may not be moved, stored in parts or kept. */
import type { RejectionCode } from '../../codes.ts';
import type { RejectionTexts } from './text.ts';

/** By code: pointers. */
export const POINTER_TEXTS = {
  'bad-pointer': {
    title: 'Access through something that is no usable pointer',
    meaning:
      '{reg} holds {value}. Memory can only be accessed through a pointer that the verifier knows to be good.',
    advice: [
      'Look at where {reg} came from, below: it must come from the context, a map, the stack, or a helper that returns a pointer.',
    ],
    cases: [
      {
        when: /R(?<n>\d+) invalid mem access '(?:map_value|map_key)_or_null'/,
        title: 'The result of a map lookup is used without a NULL check',
        meaning:
          'R{n} is {value}. A lookup returns NULL when the map has no such key, so on some path this access would go through NULL. This holds for array maps too: the verifier does not look at the key.',
        advice: [
          'Compare the result with NULL right after the lookup and leave if it is: `if (!value) return 0;`.',
          'If there is a check, make sure that this access is on its good side, and that the pointer was not looked up again, or moved, in between.',
        ],
      },
      {
        when: /R(?<n>\d+) invalid mem access '(?:\w*_)?or_null_?'/,
        title: 'A pointer that may be NULL is used without a check',
        meaning: 'R{n} is {value}. On some path this access would go through NULL.',
        advice: [
          'Compare the pointer with NULL right after the call that returned it and leave if it is NULL.',
        ],
      },
      {
        when: /R(?<n>\d+) invalid mem access 'scalar'/,
        title: 'A number is used as a pointer',
        meaning:
          'R{n} is {value}: to the verifier it is a number, and memory cannot be accessed through a number. Either it never was a pointer (an address that was computed, or read from memory), or it was one and stopped being one: arithmetic that pointers do not allow, or a helper that can move the packet, or a released object, turned it into a number.',
        advice: [
          'An address inside of kernel memory is read with bpf_probe_read_kernel(), or through a BTF pointer (BPF_CORE_READ, tp_btf, fentry).',
          'After a helper that can change the packet (bpf_skb_pull_data, bpf_xdp_adjust_head …), read data and data_end again and check again.',
          'After a release (bpf_sk_release, bpf_ringbuf_submit …), the pointer must not be used any more.',
        ],
      },
      {
        when: /R(?<n>\d+) type=(?<type>\w+) expected=fp/,
        title: 'A helper is given something that is no memory',
        meaning: 'R{n} holds {value} ({type} to the verifier), but {helper} reads or writes memory there.',
        advice: [
          'Pass the address of a variable on the stack, of a map value, or of packet bytes that were checked.',
        ],
      },
      {
        when: /BPF_ATOMIC stores into R(?<n>\d+) (?<type>\w+)/,
        title: 'An atomic operation on memory that has none',
        meaning:
          'R{n} is {value}. Atomic operations work on the stack, map values and memory of the program only: the context, packets and sockets are accessed in other ways.',
        advice: ['Keep the counter in a map value or a global variable.'],
      },
      {
        when: /R(?<n>\d+) invalid mem access '(?<type>[\w]+)'/,
        title: 'Access through a pointer that cannot be followed',
        meaning:
          'R{n} is {value}, of type {type} to the verifier. It can be passed on and compared, but not followed.',
        advice: ['Use the helper that works on such objects instead of reading them.'],
      },
    ],
  },
  'null-argument': {
    title: 'A helper is given a pointer that may be NULL',
    meaning: '{reg} is {value}, and {helper} does not take NULL there.',
    advice: ['Compare the pointer with NULL ahead of the call and leave if it is.'],
  },
  'modified-pointer': {
    title: 'A pointer is used with an offset that it must not have',
    meaning:
      '{reg} is {value}. Pointers to the context and to kernel objects are used as they were given, with constant offsets in the access itself.',
    advice: [
      'Access fields by name through the original pointer. If the compiler computed the address of a field first, read the field into a variable ahead of the branch that needs it.',
      'Pass the original pointer to helpers, not one that was moved.',
    ],
    cases: [
      {
        when: /variable (?<type>\w+) access var_off=(?<var>.+) disallowed/,
        title: 'A pointer is used with a variable offset that it must not have',
        meaning:
          'A pointer of type {type} has a variable offset here. The kernel must know which field is meant, so only constant offsets are allowed.',
        advice: ['Access fields by name through the original pointer; choose between fields with branches.'],
      },
    ],
  },
  'different-pointers': {
    title: 'One instruction would access two kinds of memory',
    meaning:
      'On another path, this instruction was reached with a pointer to another kind of memory. The kernel rewrites such an access by the kind, which it cannot do for both.',
    advice: [
      'Access each kind in its own branch. The compiler may have joined two branches that do the same: a barrier (`asm volatile("")`) in one of them keeps them apart.',
    ],
  },
  'partial-fill': {
    title: 'Part of a stored pointer is read',
    meaning: 'A pointer was stored on the stack in 8 bytes; reading fewer would make a number of it.',
    advice: ['Read the pointer with all its 8 bytes.'],
  },
  'partial-spill': {
    title: 'Part of a pointer is stored',
    meaning:
      '{reg} is {value}. A pointer is stored on the stack whole, in 8 bytes at a multiple of 8, or not at all.',
    advice: ['Store it in a variable of pointer type.'],
  },
  'stack-pointer-escapes': {
    title: 'The address of a local variable leaves its function',
    meaning: 'The stack of a function is gone once it returns; its address must not be kept in the caller.',
    advice: ['Let the caller have the variable and pass its address.'],
  },
  'pointer-arithmetic': {
    title: 'Arithmetic that pointers do not allow',
    meaning:
      '{reg} is {value}. A pointer may be moved by adding or subtracting numbers in 64 bits; other operations would make its value unknown.',
    advice: ['Do the arithmetic on numbers and add the result to the pointer at the end.'],
    cases: [
      {
        when: /R(?<n>\d+) pointer arithmetic on (?<type>\w*or_null\w*) prohibited, null-check it first/,
        title: 'A pointer that may be NULL is moved ahead of its check',
        meaning: 'R{n} is {value}. NULL plus an offset is not NULL: a check afterwards would not find it.',
        advice: ['Compare with NULL first, then take the address of a field or element.'],
      },
      {
        when: /R(?<n>\d+) pointer arithmetic on (?<type>\w+) prohibited/,
        title: 'A pointer is moved that must stay as it is',
        meaning: 'R{n} is {value}. Pointers of type {type} are used as they are.',
        advice: [
          'Compute with the start of the packet or memory instead: `data + length`, never `data_end - length`.',
        ],
      },
      {
        when: /R(?<n>\d+) 32-bit pointer arithmetic prohibited/,
        title: 'Arithmetic on half of a pointer',
        meaning: 'A 32-bit operation on R{n} would cut off the upper half of a pointer.',
        advice: ['Use 64-bit types (unsigned long) where pointers are computed with.'],
      },
      {
        when: /R(?<n>\d+) (?:bitwise operator|pointer arithmetic with) (?<op>\S+)/,
        title: 'Arithmetic that makes no sense for a pointer',
        meaning:
          'R{n} is a pointer, and `{op}` on a pointer gives no pointer. Only numbers can be added to it or subtracted from it.',
        advice: [
          'To align or mask, compute the offset as a number and add it to the pointer.',
          'To multiply an index, do so before it is added.',
        ],
      },
      {
        when: /R(?<n>\d+) pointer (?<op>\S+) pointer prohibited/,
        title: 'Arithmetic on two pointers',
        meaning:
          'Both operands are pointers; `{op}` of two pointers gives nothing of use. Only their difference can be taken.',
        advice: ['Add numbers to pointers, not pointers to pointers.'],
      },
      {
        when: /R(?<n>\d+) subtraction from stack pointer prohibited/,
        title: 'Subtraction from a stack pointer',
        meaning:
          'Offsets from the stack are added, also negative ones; subtracting a register is not followed.',
        advice: ['Add the negative number instead.'],
      },
    ],
  },
  'pointer-out-of-bounds': {
    title: 'A pointer is moved too far',
    meaning:
      '{reg} is {value}. After this operation, the pointer could be further than 2^29 bytes from what it points to. The verifier stops ahead of that, so that offsets can never wrap around.',
    advice: [
      'Limit the number ahead of the addition: `if (n > MAX) return 0;`, on the variable that is added.',
      'A negative number (an error code, a difference) needs a check for that too.',
    ],
  },
} as const satisfies Partial<Record<RejectionCode, RejectionTexts>>;
