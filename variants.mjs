import { rolldown } from 'rolldown';
import { writeFileSync } from 'node:fs';
const base = [
  { name: 'engine', test: /[\\/]src[\\/](base|vm[\\/](?!jit[\\/])|isa[\\/](?!asm[\\/])|cli[\\/](io|in-file))/ },
  { name: 'commander', test: /[\\/]cli[\\/](command-line|colors)|[\\/]node_modules[\\/](chalk|commander)[\\/]/ },
  { name: 'verifier', test: /[\\/]src[\\/]verifier[\\/](?!explain[\\/])/ },
  { name: 'kernel', test: /[\\/]src[\\/](?!cli[\\/]|verifier[\\/]explain[\\/]|isa[\\/]asm[\\/]|btf[\\/]c-|vm[\\/]jit[\\/])/ },
];
const lean = [
  { name: 'engine', test: /[\\/]src[\\/](base|vm[\\/](?!jit[\\/]|index|engines)|isa[\\/](?!asm[\\/])|cli[\\/](io|in-file))/ },
  ...base.slice(1),
];
const V = {
  base: { groups: base },
  lean: { groups: lean },
  min: { groups: lean, minify: true },
  ws: { groups: lean, minify: { compress: false, mangle: false, codegen: true } },
  nomangle: { groups: lean, minify: { compress: true, mangle: false, codegen: true } },
};
for (const [name, v] of Object.entries(V)) {
  const bundle = await rolldown({ cwd: process.cwd(), input: 'src/cli/main.ts', platform: 'node' });
  const out = await bundle.write({ dir: `dist/cli-${name}`, format:'es', comments:false, codeSplitting:{groups:v.groups}, chunkFileNames:'[name].js', minify: v.minify ?? false, sourcemap: false });
  writeFileSync(`dist/cli-${name}/bin.js`, `import { main } from './main.js';\nprocess.exitCode = await main(process.argv.slice(2));\n`);
  console.log(name, out.output.filter(c=>/^(engine|kernel|verifier|commander|run-setup|run)\.js$/.test(c.fileName)).map(c=>c.fileName+' '+c.code.length).join(', '));
}
