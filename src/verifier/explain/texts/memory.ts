/** Texts about memory: what is accessed, where, with which offset. */
import type { RejectionCode } from '../../codes.ts';
import type { RejectionTexts } from './text.ts';

/** By code: accesses. */
export const MEMORY_TEXTS = {
  'out-of-bounds': {
    title: 'Access outside of the memory',
    meaning: '{reg} is {value}. The access would reach beyond what is there.',
    advice: ['Limit the offset ahead of the access, so that offset plus size stay within the memory.'],
    cases: [
      {
        when: /invalid access to map value, value_size=(?<limit>\d+) off=(?<off>-?\d+) size=(?<size>\d+)/,
        title: 'Access outside of a map value',
        meaning:
          'A value of this map has {limit} bytes. With what is known of {reg} here, this access of {size} bytes can lie at offset {off}, which is not inside.',
        advice: [
          'Check the index against the number of elements ahead of the access, on the very variable that is used: `if (i >= N) return 0;`.',
          'Or mask it, if the number is a power of two: `i &= N - 1;`. The compiler cannot undo a mask on a volatile or a global value.',
          'Count with the size of an element: an index i reaches up to (i + 1) * sizeof(element).',
        ],
      },
      {
        when: /invalid access to memory, mem_size=(?<limit>\d+) off=(?<off>-?\d+) size=(?<size>\d+)/,
        title: 'Access outside of a piece of memory',
        meaning:
          '{reg} points to memory of {limit} bytes. This access of {size} bytes can lie at offset {off}, which is not inside.',
        advice: [
          'Ask for more memory (the size argument of bpf_ringbuf_reserve, the type of the argument), or access less.',
          'Limit a variable offset ahead of the access.',
        ],
      },
      {
        when: /invalid access to map key, key_size=(?<limit>\d+) off=(?<off>-?\d+) size=(?<size>\d+)/,
        title: 'Access outside of a map key',
        meaning:
          'A key of this map has {limit} bytes; this access of {size} bytes at offset {off} is not inside.',
        advice: ['Use a type for the key that is as large as the map says.'],
      },
      {
        when: /invalid access to flow keys off=(?<off>-?\d+) size=(?<size>\d+)/,
        title: 'Access outside of struct bpf_flow_keys',
        meaning: '{size} bytes at offset {off} are not inside of the flow keys.',
        advice: ['Access the fields of struct bpf_flow_keys by name.'],
      },
    ],
  },
  'negative-offset': {
    title: 'An offset that may be negative',
    meaning: '{reg} is {value}. With a negative offset, the access would lie ahead of the memory.',
    advice: [
      'Use an unsigned type for the index.',
      'Or check both ends: `if (i < 0 || i >= N) return 0;`.',
      'A helper that returns a negative error number on failure needs a check ahead of its result being used as an offset.',
    ],
  },
  'unbounded-offset': {
    title: 'An offset without an upper limit',
    meaning: '{reg} is {value}. Nothing on this path limits how far the access reaches.',
    advice: [
      'Check the offset ahead of the access: `if (i >= N) return 0;`.',
      'Check the same variable that is used: the compiler may have kept a copy from ahead of the check. A mask (`i &= N - 1`) right at the access holds best.',
    ],
  },
  'variable-offset': {
    title: 'A variable offset where only a constant one is allowed',
    meaning: '{reg} is {value}. This kind of memory takes constant offsets only.',
    advice: ['Unroll the loop, or copy what is needed to a map value or the stack and index there.'],
  },
  'packet-out-of-bounds': {
    title: 'Packet bytes are accessed that may not exist',
    meaning:
      '{reg} is {value}. On this path, the program has not compared it with data_end in a way that covers this access.',
    advice: ['Check ahead of the access: `if (data + OFFSET + SIZE > data_end) return XDP_PASS;`.'],
    cases: [
      {
        when: /invalid access to packet, off=(?<off>-?\d+) size=(?<size>\d+), R(?<n>\d+)\(id=\d+,off=-?\d+,r=0\)/,
        title: 'A packet is accessed without a check against data_end',
        meaning:
          'This reads or writes {size} bytes at offset {off} through R{n}. No comparison with data_end on this path covers any byte there: the packet may be shorter.',
        advice: [
          'Check ahead of the access: `if (ptr + {size} > data_end) return XDP_PASS;`, with the very pointer that is used.',
          'If there is a check and the offset is variable: limit the variable first (to 65535 at most), then add it to the pointer, then compare the sum with data_end.',
          'A pointer that a variable was added to is a new pointer: checks of the old one do not count for it.',
        ],
      },
      {
        when: /invalid access to packet, off=(?<off>-?\d+) size=(?<size>\d+), R(?<n>\d+)\(id=\d+,off=-?\d+,r=(?<range>\d+)\)/,
        title: 'The check against data_end covers too little',
        meaning:
          'This reads or writes {size} bytes at offset {off} through R{n}, but the comparison with data_end on this path proves the first {range} bytes only.',
        advice: [
          'Check for as much as is accessed: the end of the last field, not its start. `if ((void *)(header + 1) > data_end) return XDP_PASS;` covers a whole header.',
        ],
      },
    ],
  },
  'packet-argument': {
    title: 'A helper is given a packet pointer it does not take',
    meaning:
      'An argument points into the packet, and {helper} does not work on packet bytes in programs of this type.',
    advice: ['Copy the bytes to the stack first and pass their address.'],
  },
  'bad-context-access': {
    title: 'A context field that cannot be accessed like this',
    meaning: 'The access does not fit a field of the context of this program type.',
    advice: ['Use the fields of the context by name.'],
    cases: [
      {
        when: /invalid bpf_context access off=(?<off>-?\d+) size=(?<size>\d+)/,
        title: 'A context field that cannot be accessed like this',
        meaning:
          'This accesses {size} bytes at offset {off} of the context. Programs of this type have no field there that can be read, or written, with that size.',
        advice: [
          'Check that the type of the context in the source is that of the program type (struct xdp_md, struct __sk_buff, struct pt_regs …).',
          'Most fields can only be read, and only in their own size; data and data_end are 4 bytes that give a pointer.',
          'For an argument of a traced function: it may not exist, or be of a type that cannot be read.',
        ],
      },
    ],
  },
  misaligned: {
    title: 'Access at an address that is no multiple of its size',
    meaning:
      'On the stack, for atomic operations, and where strict alignment is asked for, an access of n bytes must be at a multiple of n.',
    advice: [
      'Let the compiler lay out variables and structures; do not cast a byte pointer to a wider type.',
      'Mark structures of packets as packed, or copy unaligned fields with __builtin_memcpy.',
    ],
  },
  'read-only': {
    title: 'A write to memory that can only be read',
    meaning: '{reg} is {value}, which programs of this type cannot write.',
    advice: ['Copy what is to be changed to the stack or a map value.'],
    cases: [
      {
        when: /cannot write into packet/,
        title: 'Programs of this type cannot write packets',
        meaning: '{reg} is {value}. Programs of this type may read packet bytes, but not change them.',
        advice: [
          'Use the helper that changes packets (bpf_skb_store_bytes), or a program type that may write: XDP, tc.',
        ],
      },
      {
        when: /write to change key R\d+ not allowed/,
        title: 'A map key is written',
        meaning: 'The callback gets the key to read it: changing it would break the map.',
        advice: ['Copy the key to the stack and change the copy.'],
      },
    ],
  },
  'map-direction': {
    title: 'A map is accessed in a way that it does not allow',
    meaning: 'The flags of the map do not allow programs this access.',
    advice: ['Change the flags of the map (BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG).'],
    cases: [
      {
        when: /write into map forbidden/,
        title: 'A map that programs can only read is written',
        meaning:
          'The map was made with BPF_F_RDONLY_PROG, or it is a device map (DEVMAP, DEVMAP_HASH), which has that flag by itself. Constants (.rodata) are such a map: they stand still once the program is loaded.',
        advice: [
          'A global variable that the program changes must not be `const`.',
          'Otherwise make the map without BPF_F_RDONLY_PROG.',
          'User space changes the entries of a device map.',
        ],
      },
      {
        when: /read from map forbidden/,
        title: 'A map that programs can only write is read',
        meaning: 'The map was made with BPF_F_WRONLY_PROG.',
        advice: ['Make the map without BPF_F_WRONLY_PROG.'],
      },
    ],
  },
  'special-field': {
    title: 'A field of a map value that only helpers may touch',
    meaning:
      'Locks, timers and pointers to kernel objects in map values are not plain memory: a load or store there could break them.',
    advice: [
      'Use the field through its helpers (bpf_spin_lock, bpf_timer_init, bpf_kptr_xchg) and access the other fields one by one.',
      'Do not copy or clear the whole structure; assign its plain fields.',
    ],
    cases: [
      {
        when: /kptr cannot be accessed indirectly by helper/,
        title: 'A helper would read or write a kernel pointer',
        meaning:
          '{helper} may access bytes of the map value that hold a pointer to a kernel object. Only loads, and bpf_kptr_xchg, may do that.',
        advice: ['Give the helper only the part of the value ahead of, or behind, the pointer.'],
      },
      {
        when: /kptr access (?:cannot have variable offset|misaligned|size must be BPF_DW)/,
        title: 'Part of a kernel pointer is accessed',
        meaning:
          'These bytes of the map value hold a pointer to a kernel object. It is loaded and stored as a whole: 8 bytes, at its own constant offset.',
        advice: ['Access the field by its name, and the others one by one.'],
      },
      {
        when: /store to referenced kptr disallowed/,
        title: 'A kernel pointer that owns its object is overwritten',
        meaning: 'The object that the field holds would be lost: a store cannot give it back.',
        advice: ['Exchange it with bpf_kptr_xchg, and release what that returns.'],
      },
      {
        when: /invalid kptr access, R(?<n>\d+) type=(?<type>\w+) expected=(?<expected>\S+)/,
        title: 'A kernel pointer of another type is stored',
        meaning: 'The field of the map value takes {expected}, and R{n} is {type}.',
        advice: ['Store pointers of the declared type, with no offset.'],
      },
    ],
  },
  'bad-struct-access': {
    title: 'An access that does not fit the kernel structure',
    meaning:
      '{reg} is {value}. Offset and size of the access do not fit a field of it that programs can read.',
    advice: [
      'Access fields by name, with the structure as the running kernel has it (vmlinux.h, CO-RE).',
      'Kernel structures are read only; to write them needs a helper.',
    ],
    cases: [
      {
        when: /^only read (?:is supported|from \w+ is supported)/,
        title: "The kernel's own structure is written",
        meaning: '{reg} is {value}. Programs can read it, not change it.',
        advice: [
          'Keep what is to be changed in a map of your own, or use a helper that changes the structure.',
        ],
      },
      {
        when: /access beyond the end of member (?<member>\w+) \(mend:(?<end>\d+)\) in struct (?<name>\w+) with off (?<off>\d+) size (?<size>\d+)/,
        title: 'An access beyond the end of a field',
        meaning:
          'Field {member} of struct {name} ends at offset {end}, and this access of {size} bytes at offset {off} goes further.',
        advice: ['Access no more bytes than the field has: `sizeof(((struct {name} *)0)->{member})`.'],
      },
      {
        when: /access beyond struct (?<name>\w+) at off (?<off>\d+) size (?<size>\d+)/,
        title: 'An access beyond the end of the structure',
        meaning: 'Struct {name} of this kernel has no {size} bytes at offset {off}.',
        advice: [
          'Access fields by name, with the structure as the running kernel has it (vmlinux.h, CO-RE).',
          'For an array at the end of the structure, use bpf_probe_read_kernel.',
        ],
      },
    ],
  },
  'stack-out-of-bounds': {
    title: 'Access outside of the stack',
    meaning: '{reg} is {value}. A function has 512 bytes of stack at most, from fp-512 to fp-1.',
    advice: [
      'Put large variables into a map (a per-CPU array with one element is the usual place).',
      'Limit a variable index ahead of the access.',
    ],
    cases: [
      {
        when: /invalid indirect access to stack R(?<n>\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)/,
        title: 'A helper is given more stack than there is',
        meaning:
          '{helper} may access {size} bytes at fp{off}, which would reach outside of the stack: it ends at fp. {reg} is {value}.',
        advice: [
          'Check the size against that of the variable itself: `if (size > sizeof(buffer)) return 0;`.',
          'A size that is too large by one is often `<=` in place of `<`, or a string without its final zero.',
        ],
      },
      {
        when: /invalid(?<how> \w+(?: \w+)*) stack R(?<n>\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)/,
        title: 'Access outside of the stack',
        meaning:
          'These {size} bytes at fp{off} would reach outside of the stack, which goes from fp-512 to fp-1.',
        advice: [
          'Function local variables take 512 bytes at most together: put large ones into a map (a per-CPU array with one element is the usual place).',
          'Check the index of an array on the stack.',
        ],
      },
      {
        when: /invalid variable-offset(?<how> \w+(?: \w+)*) stack R(?<n>\d+) var_off=(?<var>.*) off=(?<off>-?\d+) size=(?<size>-?\d+)/,
        title: 'A variable index can reach outside of an array on the stack',
        meaning:
          'R{n} is {value}. With all offsets that are possible here, {size} bytes there can lie outside of the stack.',
        advice: ['Limit the index ahead of the access: `if (i >= N) return 0;`, or `i &= N - 1;`.'],
      },
    ],
  },
  'invalid-stack-read': {
    title: 'Stack bytes are read that cannot be read like this',
    meaning: 'The read covers part of a stored pointer or register that cannot be taken apart.',
    advice: ['Read what was stored with the size it was stored with.'],
  },
} as const satisfies Partial<Record<RejectionCode, RejectionTexts>>;
