// The types that Grafana publishes, as they are in JSON, and with the types of the panels' own options, which Grafana's
// Dashboard leaves open.
import type * as grafana from '@grafana/schema';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as timeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// InJSON is T where members of enums are the strings and numbers that they stand for.
type InJSON<T> = T extends string
  ? `${T}`
  : T extends number
    ? `${T}` extends `${infer N extends number}` ? N : never
    : T extends boolean | null | undefined
      ? T
      : T extends (infer E)[]
        ? InJSON<E>[]
        : unknown extends T
          ? T
          : { [K in keyof T]: InJSON<T[K]> };

interface DataSource {
  type: 'prometheus';
  uid: '${datasource}';
}

// The query of the Prometheus data source, whose types are not in the package.
interface Query extends Omit<grafana.DataQuery, 'datasource'> {
  datasource: DataSource;
  editorMode: 'code' | 'builder';
  expr: string;
  format: 'time_series' | 'table' | 'heatmap';
  legendFormat: string;
  instant: boolean;
  range: boolean;
}

interface DataLink {
  title: string;
  url: string;
  targetBlank: boolean;
}

type Defaults<Custom> = Omit<InJSON<grafana.FieldConfig>, 'custom' | 'links' | 'unit'> & {
  unit: string;
  links?: DataLink[];
  custom?: Custom;
};

type Panel<Type extends string, Options, Custom> = Omit<
  InJSON<grafana.Panel>,
  'type' | 'options' | 'fieldConfig' | 'targets' | 'datasource' | 'title' | 'description' | 'transformations'
> & {
  type: Type;
  title: string;
  description: string;
  datasource: DataSource;
  targets: Query[];
  options: Options;
  transformations?: { id: 'merge' | 'organize'; options: Record<string, unknown> }[];
  fieldConfig: {
    defaults: Defaults<Custom>;
    overrides: InJSON<grafana.FieldConfigSource['overrides']>;
  };
};

type CheckedPanel =
  | InJSON<grafana.RowPanel>
  | Panel<'stat', InJSON<stat.Options>, Record<string, never>>
  | Panel<'table', InJSON<grafana.TableOptions>, InJSON<grafana.TableFieldOptions>>
  | Panel<'timeseries', InJSON<timeseries.Options>, InJSON<timeseries.FieldConfig>>
  | Panel<'state-timeline', InJSON<timeline.Options>, InJSON<timeline.FieldConfig>>
  | Panel<'heatmap', InJSON<heatmap.Options>, InJSON<heatmap.FieldConfig>>;

// Ad hoc filters and what annotations of Prometheus look like are not in the package either.
type Variable = InJSON<grafana.VariableModel> & { filters?: never[] };
type Annotation = Omit<InJSON<grafana.AnnotationQuery>, 'target' | 'datasource'> & {
  datasource: DataSource;
  target: Query;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime: boolean;
};

export type CheckedDashboard = Omit<InJSON<grafana.Dashboard>, 'id' | 'panels' | 'templating' | 'annotations'> & {
  id: null;
  uid: string;
  title: string;
  panels: CheckedPanel[];
  templating: { list: Variable[] };
  annotations: { list: Annotation[] };
};

export type { CheckedPanel };
