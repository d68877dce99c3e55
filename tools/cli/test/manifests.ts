/** A small installation: an app of two replicas, a backend with a claim, and a Job that makes a Secret. */
export const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: p-reactor }
spec:
  replicas: 2
  template:
    spec:
      initContainers: [{ name: shipper, image: armature/reactor:0.1.0 }]
      containers:
        - name: reactor
          image: armature/reactor:0.1.0
          resources: { requests: { cpu: 250m, memory: 64Mi }, limits: { memory: 128Mi } }
          env: [{ name: TOKEN, valueFrom: { secretKeyRef: { name: hooks, key: token } } }]
          envFrom: [{ secretRef: { name: maybe, optional: true } }]
      volumes:
        - { name: a, secret: { secretName: p-nats, items: [{ key: url, path: url }] } }
        - { name: b, secret: { secretName: p-postgres, items: [{ key: url, path: url }] } }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: p-nats }
spec:
  template:
    spec:
      containers:
        - { name: nats, image: 'nats:2.15', resources: { requests: { cpu: 1, memory: 1Gi } } }
  volumeClaimTemplates:
    - spec: { resources: { requests: { storage: 2Gi } } }
---
apiVersion: v1
kind: Secret
metadata: { name: p-nats }
---
apiVersion: batch/v1
kind: Job
metadata: { name: p-secrets }
spec:
  template:
    spec:
      containers:
        - { name: a, image: armature/reactor:0.1.0, args: [secrets, ensure, --secret, p-postgres, --generate, password=32] }
        - { name: b, image: armature/reactor:0.1.0, args: [secrets, copy, --from, mine, --secret, p-kafka, --set, 'url=kafka://{username}:{password}@b'] }
---
apiVersion: v1
kind: Service
metadata: { name: p-reactor }
spec: { type: ClusterIP }
`

/** The same with what only some clusters have. */
export const demandingManifests = `${manifests}
---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: { name: p-kafka }
---
apiVersion: v1
kind: Service
metadata: { name: p-open }
spec: { type: LoadBalancer }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: p-fast }
spec: { storageClassName: fast, resources: { requests: { storage: 1Gi } } }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: p-agent }
spec:
  template:
    spec:
      containers: [{ name: a, image: 'registry.example:5000/agent' }]
      volumes: [{ name: logs, hostPath: { path: /var/log } }]
`
