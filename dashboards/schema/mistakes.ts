// Mistakes that the types must find: each line that expects an error is an error if there is none.
import type { CheckedDashboard, CheckedPanel } from './types';

const datasource = { type: 'prometheus', uid: '${datasource}' } as const;
const stat = {
  id: 1, type: 'stat', title: 't', description: 'd', datasource, gridPos: { h: 1, w: 1, x: 0, y: 0 },
  targets: [{ refId: 'A', datasource, editorMode: 'code', expr: 'up', format: 'time_series', legendFormat: '', instant: true, range: false }],
  fieldConfig: { defaults: { unit: 's', thresholds: { mode: 'absolute', steps: [{ color: 'red', value: null }] } }, overrides: [] },
} as const satisfies Record<string, unknown>;
const options = {
  colorMode: 'value', graphMode: 'none', justifyMode: 'auto', textMode: 'auto', orientation: 'auto', wideLayout: true,
  showPercentChange: false, percentChangeColorMode: 'standard', reduceOptions: { calcs: ['lastNotNull'] },
} as const;
const copy = <T>(value: T) => JSON.parse(JSON.stringify(value)) as { -readonly [K in keyof T]: T[K] };

export const mistakes: CheckedPanel[] = [
  { ...copy(stat), targets: [], fieldConfig: { defaults: { unit: 's' }, overrides: [] }, options: { ...copy(options), reduceOptions: { calcs: [] } } }, // none
  // @ts-expect-error an option that there is not
  { ...copy(stat), targets: [], fieldConfig: { defaults: { unit: 's' }, overrides: [] }, options: { ...copy(options), reduceOptions: { calcs: [] }, colour: 'red' } },
  // @ts-expect-error a value that the option does not have
  { ...copy(stat), targets: [], fieldConfig: { defaults: { unit: 's' }, overrides: [] }, options: { ...copy(options), reduceOptions: { calcs: [] }, colorMode: 'colorful' } },
  // @ts-expect-error a mode of thresholds that there is not
  { ...copy(stat), targets: [], fieldConfig: { defaults: { unit: 's', thresholds: { mode: 'relative', steps: [] } }, overrides: [] }, options: { ...copy(options), reduceOptions: { calcs: [] } } },
  // @ts-expect-error a kind of panel that is not used
  { ...copy(stat), type: 'graph', targets: [], fieldConfig: { defaults: { unit: 's' }, overrides: [] }, options: { ...copy(options), reduceOptions: { calcs: [] } } },
  // @ts-expect-error a panel without a unit
  { ...copy(stat), targets: [], fieldConfig: { defaults: {}, overrides: [] }, options: { ...copy(options), reduceOptions: { calcs: [] } } },
];

// @ts-expect-error a schema version that is no number
export const version: CheckedDashboard['schemaVersion'] = '42';
