FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json rolldown.config.ts ./
COPY src ./src
# Node.js reads source maps only when it is told to.
RUN npm run build && rm dist/*.map
# All that is not in the bundle is SQLite, of which the library for this system is needed.
RUN cd node_modules/better-sqlite3 && rm -r deps src prebuilds/darwin-* prebuilds/win32-* prebuilds/linuxmusl-*

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    REGISTRY_CONFIGURATION_PATH=/etc/docker/registry/config.yml
WORKDIR /app
COPY --from=build /app/node_modules/better-sqlite3 ./node_modules/better-sqlite3
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY config/container.yml /etc/docker/registry/config.yml
# What compiles of it is kept beside it, for a quicker start; the user that it runs as cannot write there.
# On a port of its own, since a build may share the machine's network.
RUN REGISTRY_HTTP_ADDR=127.0.0.1:0 REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/tmp/first \
    timeout --preserve-status 5 node dist/main.js serve && rm -r /tmp/first
# A new volume takes the owner over from here.
RUN mkdir -p /var/lib/registry && chown node:node /var/lib/registry
USER node
VOLUME /var/lib/registry
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["node", "dist/main.js", "health"]
# As process 1 it handles SIGTERM and SIGINT itself, and waits for its only children, credential helpers: no init is needed, unless
# a helper leaves processes of its own behind (docker run --init).
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve"]
