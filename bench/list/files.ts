/** Lines of each file, as the largest that a class brings along has. */
export const lines = 5000;

/** A file that names images, and how many of them. */
export interface MeasuredFile {
  readonly name: string;
  readonly text: string;
  readonly images: number;
}

const deployment = (index: number): string => `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-${index}
  labels:
    app: app-${index}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app-${index}
  template:
    metadata:
      labels:
        app: app-${index}
    spec:
      containers:
        - name: app
          image: ghcr.io/acme/app-${index}:1.${index}
          env:
            - name: MODE
              value: "classroom"
          ports:
            - containerPort: 8080
`;

const service = (index: number): string => `  app-${index}:
    image: ghcr.io/acme/app-${index}:\${TAG:-1.${index}}
    restart: unless-stopped
    environment:
      MODE: classroom
      PORT: "8080"
    ports:
      - "8080"
    depends_on: []
`;

const stage = (index: number): string => `FROM ghcr.io/acme/app-${index}:1.${index} AS stage-${index}
WORKDIR /src
COPY . .
RUN make \\
  && make install
`;

/** As many repetitions as have the number of lines. */
function repeated(part: (index: number) => string): { readonly text: string; readonly count: number } {
  const count = Math.round(lines / (part(0).split('\n').length - 1));
  return { text: Array.from({ length: count }, (_, index) => part(index)).join(''), count };
}

/** One file a kind that grows long in practice. */
export function measuredFiles(): readonly MeasuredFile[] {
  const list = repeated((index) => `ghcr.io/acme/app-${index}:1.${index}\n`);
  const manifests = repeated(deployment);
  const services = repeated(service);
  const stages = repeated(stage);
  const copies = Array.from({ length: stages.count }, (_, index) => `COPY --from=stage-${index} / /\n`);
  return [
    { name: 'images.txt', text: list.text, images: list.count },
    { name: 'manifests.yaml', text: manifests.text, images: manifests.count },
    { name: 'compose.yaml', text: `services:\n${services.text}`, images: services.count },
    { name: 'Dockerfile', text: `${stages.text}FROM scratch\n${copies.join('')}`, images: stages.count },
  ];
}
