// Writes the dashboards as TypeScript, where the compiler holds each value against the type, which it does not do for
// imported JSON, and checks what types cannot say.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { defaultDashboard } from '@grafana/schema';

const folder = new URL('../', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
const lines = ["import type { CheckedDashboard } from '../types';"];
for (const name of names) {
  const dashboard = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
  if (dashboard.schemaVersion !== defaultDashboard.schemaVersion) {
    throw new Error(`${name}: schemaVersion is ${dashboard.schemaVersion}, Grafana's is ${defaultDashboard.schemaVersion}`);
  }
  lines.push(`export const ${dashboard.uid.replaceAll('-', '_')}: CheckedDashboard = ${JSON.stringify(dashboard, null, 2)};`);
}
if (names.length !== 3) {
  throw new Error(`found ${names.length} dashboards, not 3`);
}
mkdirSync(new URL('generated/', import.meta.url), { recursive: true });
writeFileSync(new URL('generated/dashboards.ts', import.meta.url), lines.join('\n') + '\n');
