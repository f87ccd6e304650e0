/** The part of Kubernetes' objects that deploy/kubernetes uses, and what must hold of them beyond their form. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { CORE_SECTIONS } from '../../shared/config.ts';
import { environmentProblems, isPinned, readYamlDocuments, root, SECRET, workerProblems } from './files.ts';

const FOLDER = 'deploy/kubernetes';
const Labels = z.record(z.string(), z.string());
const Probe = z.strictObject({
  httpGet: z.strictObject({ path: z.enum(['/livez', '/readyz']), port: z.string() }),
  periodSeconds: z.number(),
  timeoutSeconds: z.number().optional(),
  failureThreshold: z.number().optional(),
});
const Amount = z.strictObject({ cpu: z.string(), memory: z.string().regex(/^\d+Gi$/) });
const Volume = z.strictObject({
  name: z.string(),
  emptyDir: z.strictObject({ sizeLimit: z.string() }).optional(),
  secret: z.strictObject({ secretName: z.string() }).optional(),
});
const Container = z.strictObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  envFrom: z.array(
    z.strictObject({
      configMapRef: z.strictObject({ name: z.string() }).optional(),
      secretRef: z.strictObject({ name: z.string() }).optional(),
    }),
  ),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })).default([]),
  ports: z.array(z.strictObject({ name: z.string(), containerPort: z.number().int() })),
  startupProbe: Probe,
  livenessProbe: Probe,
  readinessProbe: Probe,
  resources: z.strictObject({ requests: Amount, limits: Amount }),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  volumeMounts: z.array(
    z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }),
  ),
});
const Deployment = z.strictObject({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('Deployment'),
  metadata: z.strictObject({ name: z.string(), labels: Labels }),
  spec: z.strictObject({
    replicas: z.number().int().positive(),
    selector: z.strictObject({ matchLabels: Labels }),
    template: z.strictObject({
      metadata: z.strictObject({ labels: Labels, annotations: Labels }),
      spec: z.strictObject({
        automountServiceAccountToken: z.literal(false),
        enableServiceLinks: z.literal(false),
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.strictObject({
          runAsNonRoot: z.literal(true),
          runAsUser: z.number().int().positive(),
          runAsGroup: z.number().int().positive(),
          fsGroup: z.number().int().positive(),
          seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
        }),
        containers: z.tuple([Container]),
        volumes: z.array(Volume),
      }),
    }),
  }),
});
const Service = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata: z.strictObject({ name: z.string(), labels: Labels }),
  spec: z.strictObject({
    selector: Labels,
    ports: z.array(z.strictObject({ name: z.string(), port: z.number(), targetPort: z.string() })),
  }),
});
const ConfigMap = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('ConfigMap'),
  metadata: z.strictObject({ name: z.string() }),
  data: z.record(z.string(), z.string()),
});
const ScaledObject = z.looseObject({
  apiVersion: z.literal('keda.sh/v1alpha1'),
  kind: z.literal('ScaledObject'),
  spec: z.looseObject({
    scaleTargetRef: z.strictObject({ name: z.string() }),
    minReplicaCount: z.number(),
    maxReplicaCount: z.number(),
    triggers: z
      .array(
        z.strictObject({
          type: z.literal('prometheus'),
          metricType: z.literal('AverageValue'),
          metadata: z.strictObject({
            serverAddress: z.url(),
            query: z.string(),
            threshold: z.string().regex(/^\d+$/),
          }),
        }),
      )
      .min(1),
  }),
});
const Kustomization = z.strictObject({
  apiVersion: z.string(),
  kind: z.literal('Kustomization'),
  namespace: z.string(),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })),
  resources: z.array(z.string()),
});

const Manifest = z.discriminatedUnion('kind', [Deployment, Service, ConfigMap, ScaledObject, Kustomization]);
type Manifest = z.infer<typeof Manifest>;
export type Deployment = z.infer<typeof Deployment>;

/** All objects, by file. @throws ZodError where one has another form */
export function readManifests(): Map<string, Manifest[]> {
  const files = readdirSync(path.join(root, FOLDER)).filter((name) => name.endsWith('.yaml'));
  return new Map(
    files.map((name) => [
      name,
      readYamlDocuments(`${FOLDER}/${name}`).map((document) => Manifest.parse(document)),
    ]),
  );
}

/** What is wrong with the objects, taken together. */
export function manifestProblems(files: ReadonlyMap<string, Manifest[]>): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) problems.push(what);
  };
  const all = [...files.values()].flat();
  const deployments = all.filter((one) => one.kind === 'Deployment');
  const [config] = all.filter((one) => one.kind === 'ConfigMap');
  const [kustomization] = all.filter((one) => one.kind === 'Kustomization');
  const expected = [...files.keys()].filter((name) => name !== 'kustomization.yaml');
  must(
    kustomization?.resources.toSorted().join() === expected.toSorted().join(),
    'kustomization: other files',
  );
  for (const key of Object.keys(config?.data ?? {})) must(!SECRET.test(key), `${key} is a secret`);
  for (const { newName, newTag } of kustomization?.images ?? [])
    must(isPinned(`${newName}:${newTag}`), `the image ${newName}:${newTag} is not pinned`);
  const args = (one: Deployment) => one.spec.template.spec.containers[0].args;
  const workers = deployments.filter((one) => args(one)[0] === 'worker');
  problems.push(...workerProblems(Object.fromEntries(workers.map((one) => [one.metadata.name, args(one)]))));
  for (const deployment of deployments) problems.push(...deploymentProblems(deployment, config?.data ?? {}));
  for (const service of all.filter((one) => one.kind === 'Service')) {
    const target = deployments.find((one) =>
      sameLabels(one.spec.template.metadata.labels, service.spec.selector),
    );
    must(target !== undefined, `service ${service.metadata.name} selects nothing`);
    for (const { targetPort, port } of service.spec.ports) {
      const found = target?.spec.template.spec.containers[0].ports.find(({ name }) => name === targetPort);
      must(found?.containerPort === port, `service ${service.metadata.name} leads to no port ${port}`);
    }
  }
  for (const { spec } of all.filter((one) => one.kind === 'ScaledObject')) {
    const { name } = spec.scaleTargetRef;
    must(
      workers.some((one) => one.metadata.name === name),
      `scales ${name}, which is no worker`,
    );
    must(spec.minReplicaCount >= 1 && spec.maxReplicaCount > spec.minReplicaCount, `${name}: odd limits`);
  }
  return problems;
}

function deploymentProblems({ metadata, spec }: Deployment, shared: Record<string, string>): string[] {
  const { name } = metadata;
  const problems: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) problems.push(`${name}: ${what}`);
  };
  const { template } = spec;
  const [container] = template.spec.containers;
  const environment = {
    ...shared,
    ...Object.fromEntries(container.env.map((each) => [each.name, each.value])),
  };
  problems.push(...environmentProblems(environment, name));
  must(isPinned(container.image), `the image ${container.image} is not pinned`);
  must(sameLabels(template.metadata.labels, spec.selector.matchLabels), 'selects other pods than its own');
  const { runtime, query, ops } = CORE_SECTIONS;
  const stopping = runtime.parse({}).shutdownMs / 1_000 + 10;
  must(template.spec.terminationGracePeriodSeconds > stopping, `is killed before its ${stopping} s are over`);
  const [verb] = container.args;
  const own = { query: environment.CINEDEX_QUERY_PORT, ops: environment.CINEDEX_OPS_PORT }[verb!];
  const fallback = { query: query.parse({}).port, ops: ops.parse({}).port }[verb!];
  const ports = {
    metrics: environment.CINEDEX_RUNTIME_METRICS_PORT,
    ...(verb !== 'worker' && { http: own ?? String(fallback) }),
  };
  const declared = Object.fromEntries(container.ports.map((port) => [port.name, String(port.containerPort)]));
  must(
    JSON.stringify(sorted(declared)) === JSON.stringify(sorted(ports)),
    'declares other ports than it opens',
  );
  must(template.metadata.annotations['prometheus.io/port'] === ports.metrics, 'is scraped elsewhere');
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
    must(probe.httpGet.port in declared, `is probed at port ${probe.httpGet.port}`);
  must(container.livenessProbe.httpGet.path === '/livez', 'is ended when it is not ready');
  must(container.readinessProbe.httpGet.path === '/readyz', 'gets requests before it is ready');
  const mounted = container.volumeMounts.map((mount) => mount.name).toSorted();
  must(
    mounted.join() ===
      template.spec.volumes
        .map((volume) => volume.name)
        .toSorted()
        .join(),
    'other volumes',
  );
  // The image's data folder, and what a read-only root needs.
  for (const place of ['/data', '/tmp'])
    must(
      container.volumeMounts.some(({ mountPath }) => mountPath === place),
      `cannot write to ${place}`,
    );
  const keys = environment.CINEDEX_QUERY_KEYS_FILE;
  must(
    verb !== 'query' || container.volumeMounts.some(({ mountPath }) => keys?.startsWith(`${mountPath}/`)),
    'no keys',
  );
  return problems;
}

const sorted = (record: object) => Object.entries(record).toSorted();

function sameLabels(a: Record<string, string>, b: Record<string, string>): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}
