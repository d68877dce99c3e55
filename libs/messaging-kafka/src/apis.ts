import type { PublishedCodec } from './compression.ts'
import type { FetchedPartition } from './fetched.ts'

/**
 * The requests of Kafka's protocol (https://kafka.apache.org/protocol) that the driver sends, in the shape that kafkajs encodes and decodes.
 * Records that are produced and fetched are encoded and decoded here.
 * Error codes are answers here, not exceptions: one bad partition says nothing of the others.
 */
export interface KafkaApis {
  Metadata: {
    ask: { readonly topics: readonly string[]; readonly allowAutoTopicCreation: false }
    answer: { readonly brokers: readonly KafkaNode[]; readonly topicMetadata: readonly TopicMetadata[] }
  }
  CreateTopics: {
    ask: { readonly topics: readonly NewTopic[]; readonly timeout: number }
    answer: { readonly topicErrors: readonly { topic: string; errorCode: number; errorMessage?: string | null }[] }
  }
  DescribeConfigs: {
    ask: {
      readonly resources: readonly { type: number; name: string; configNames: readonly string[] }[]
      readonly includeSynonyms: false
    }
    answer: {
      readonly resources: readonly {
        errorCode: number
        configEntries: readonly { configName: string; configValue: string | null }[]
      }[]
    }
  }
  InitProducerId: {
    ask: { readonly transactionTimeout: number }
    answer: { readonly errorCode: number; readonly producerId: string; readonly producerEpoch: number }
  }
  Produce: {
    ask: {
      readonly acks: -1
      readonly timeout: number
      readonly compression: PublishedCodec
      readonly producerId: string
      readonly producerEpoch: number
      readonly topicData: readonly { topic: string; partitions: readonly ProducedBatch[] }[]
    }
    answer: {
      readonly topics: readonly {
        topicName: string
        partitions: readonly { partition: number; errorCode: number }[]
      }[]
    }
  }
  Fetch: {
    ask: {
      readonly maxWaitTime: number
      readonly minBytes: number
      readonly maxBytes: number
      readonly isolationLevel: 1
      readonly rackId: string
      readonly topics: readonly {
        topic: string
        /** Asks the topic of this id alone, where all have one. */
        topicId?: string | undefined
        partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[]
      }[]
    }
    answer: { readonly errorCode: number; readonly partitions: readonly FetchedPartition[] }
  }
  ListOffsets: {
    ask: {
      readonly isolationLevel: 1
      readonly topics: readonly { topic: string; partitions: readonly { partition: number; timestamp: string }[] }[]
    }
    answer: {
      readonly responses: readonly {
        topic: string
        partitions: readonly { partition: number; errorCode: number; offset: string }[]
      }[]
    }
  }
  GroupCoordinator: {
    ask: { readonly groupId: string }
    answer: { readonly errorCode: number; readonly coordinator: KafkaNode }
  }
  JoinGroup: {
    ask: {
      readonly groupId: string
      readonly memberId: string
      readonly sessionTimeout: number
      readonly rebalanceTimeout: number
      readonly protocolType: 'consumer'
      readonly groupProtocols: readonly { name: string; metadata: Buffer }[]
    }
    answer: {
      readonly errorCode: number
      readonly generationId: number
      readonly leaderId: string
      readonly memberId: string
      readonly members: readonly { memberId: string; memberMetadata: Buffer }[]
    }
  }
  SyncGroup: {
    ask: GroupPlace & { readonly groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[] }
    answer: { readonly errorCode: number; readonly memberAssignment: Buffer }
  }
  Heartbeat: {
    ask: { readonly groupId: string; readonly groupGenerationId: number; readonly memberId: string }
    answer: { readonly errorCode: number }
  }
  LeaveGroup: { ask: { readonly groupId: string; readonly memberId: string }; answer: { readonly errorCode: number } }
  OffsetCommit: {
    ask: {
      readonly groupId: string
      readonly groupGenerationId: number
      readonly memberId: string
      readonly topics: readonly {
        topic: string
        partitions: readonly { partition: number; offset: string; metadata: string }[]
      }[]
    }
    answer: {
      readonly responses: readonly {
        topic: string
        partitions: readonly { partition: number; errorCode: number }[]
      }[]
    }
  }
  OffsetFetch: {
    ask: {
      readonly groupId: string
      readonly topics: readonly { topic: string; partitions: readonly { partition: number }[] }[]
    }
    answer: {
      readonly errorCode?: number
      readonly responses: readonly {
        topic: string
        partitions: readonly { partition: number; errorCode: number; offset: string; metadata: string | null }[]
      }[]
    }
  }
  DeleteRecords: {
    ask: {
      readonly timeout: number
      readonly topics: readonly { topic: string; partitions: readonly { partition: number; offset: string }[] }[]
    }
    answer: {
      readonly topics: readonly {
        topic: string
        partitions: readonly { partition: number; errorCode: number }[]
      }[]
    }
  }
}

export interface KafkaNode {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export interface TopicMetadata {
  readonly topic: string
  readonly topicErrorCode: number
  /** The topic's id as Kafka's tools show it. A topic that is made again has another one. Undefined if the broker is older than 2.8. */
  readonly topicId?: string | undefined
  readonly isInternal: boolean
  readonly partitionMetadata: readonly { partitionErrorCode: number; partitionId: number; leader: number }[]
}

export interface NewTopic {
  readonly topic: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly configEntries: readonly { name: string; value: string }[]
}

export interface GroupPlace {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
}

/** A record as it is sent: by itself, or one of a run. */
export type KafkaRecord = WholeRecord | RunRecord

export interface WholeRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** The headers in a record's encoding, made by `encodeHeaders`. */
  readonly headers: Buffer
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly run?: undefined
}

/** A record that has no bytes of its own: those of its run are written where they are sent. */
export interface RunRecord {
  readonly run: RunContent
  readonly index: number
  readonly key: Buffer
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly value?: undefined
}

/** Keys, values and headers of the records of a run, each with its length. What they are does not change. */
export interface RunContent {
  bytesOf(index: number): number
  /** Writes them from `start` on, and answers the place after them. There has to be room. */
  write(out: Buffer, start: number, index: number): number
}

export interface ProducedBatch {
  readonly partition: number
  readonly firstSequence: number
  readonly messages: readonly KafkaRecord[]
}

/** The error codes that the driver acts on. */
export const codes = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  messageTooLarge: 10,
  notCoordinator: 16,
  invalidTopic: 17,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicExists: 36,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  unknownProducer: 59,
  memberIdRequired: 79,
  invalidRecord: 87,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const
