// made by frontend/tools/generate.mjs from contracts/stream_event.schema.json; change the server instead

/**
 * One thing that happened in one run. A run's log is its events in the order of seq, without a gap. The last one, and only that, has the stage completed, failed or cancelled; a stream that ends without it is not finished.
 */
export type StreamEvent =
  | Opening
  | Status
  | StreamChunk
  | ReasoningChunk
  | Source
  | Citation
  | ToolCall
  | ToolResult
  | Usage
  | InputRequired
  | Retract
  | Snapshot
  | Answered
  | Failed
  | Cancelled

/**
 * Event 1: the run is accepted; the ids to follow and to stop it
 */
export interface Opening {
  type: 'running'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage: 'init'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    run_id: string
    workflow_id: string
    session_id: string
    conversation_id: number | null
    user_message_id: number | null
    assistant_message_id: number | null
    /**
     * What the run is for; chat where absent
     */
    kind?: 'chat' | 'ingest'
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: 1
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * What a node does, for people to read; a fail here does not end the run. A done with request_id and input is the user's answer to an input_required: the run goes on
 */
export interface Status {
  type: 'thinking' | 'running' | 'done' | 'fail'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata?: {
    request_id?: string
    input?: string
    /**
     * How far a run is that reads documents in; pieces are their passages
     */
    ingest?: {
      phase: 'finding' | 'reading' | 'embedding'
      found?: number
      done?: number
      parsed?: number
      searchable?: number
      embedded?: number
      skipped?: number
      failed?: number
      removed?: number
      unchanged?: number
      added?: number
      updated?: number
      pieces?: number
      pieces_embedded?: number
      path?: string
    }
    /**
     * What became of files since the last such event; not every searchable one
     *
     * @maxItems 50
     */
    files?: {
      source: string
      status: 'searchable' | 'skipped' | 'failed' | 'removed'
      reason?: string
      document_id?: number
    }[]
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * An increment of the answer; offset, where it starts, is in Unicode code points
 */
export interface StreamChunk {
  type: 'stream_chunk'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    index: number
    offset: number
    /**
     * First and last seq of the chunks this frame holds, for a viewer that lags
     *
     * @minItems 2
     * @maxItems 2
     */
    merged?: [number, number]
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * An increment of the model's own reasoning text
 */
export interface ReasoningChunk {
  type: 'reasoning_chunk'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata?: {
    /**
     * First and last seq of the chunks this frame holds, for a viewer that lags
     *
     * @minItems 2
     * @maxItems 2
     */
    merged?: [number, number]
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * A passage that was found; its place is in Unicode code points of the document's text
 */
export interface Source {
  type: 'source'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    id: string | number
    document_id: number
    revision: number
    title: string
    snippet: string
    char_start: number
    char_end: number
    score: number
    page?: number
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * That part of the answer rests on that source: the quote is that revision's text from char_start to char_end, exactly; all places are in Unicode code points
 */
export interface Citation {
  type: 'citation'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    source_id: string | number
    answer_start: number
    answer_end: number
    quote: string
    document_id: number
    revision: number
    char_start: number
    char_end: number
    page?: number
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * The model calls a tool
 */
export interface ToolCall {
  type: 'tool_call'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    call_id: string
    name: string
    arguments: {}
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * What came of a tool call
 */
export interface ToolResult {
  type: 'tool_result'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    call_id: string
    ok: boolean
    summary: string
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * Tokens of this run so far, after each model call
 */
export interface Usage {
  type: 'usage'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    prompt_tokens: number
    completion_tokens: number
    /**
     * Who counted: the model's endpoint, or we, where it does not say
     */
    source?: 'reported' | 'estimated'
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * The run waits for its user, from now until expires_at; other options are taken as well
 */
export interface InputRequired {
  type: 'input_required'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    request_id: string
    question: string
    expires_at: string
    options?: string[]
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * What stands after discard_after and before this event, usage aside, no longer counts; discard_after is 0 or the seq of an event that is no chunk
 */
export interface Retract {
  type: 'retract'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    discard_after: number
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * What all events up to seq amount to, for a viewer that comes late; content is the answer so far. What it lists has the seq of its event, so that a later retract can take it back
 */
export interface Snapshot {
  type: 'snapshot'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage?: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    /**
     * What event 1 said
     */
    run: {
      run_id: string
      workflow_id: string
      session_id: string
      conversation_id: number | null
      user_message_id: number | null
      assistant_message_id: number | null
    }
    /**
     * Which chunks the answer came in, one after another: the last seq, how many, how long
     */
    chunks: {
      seq: number
      count: number
      length: number
    }[]
    /**
     * The model's own reasoning text so far
     */
    reasoning: string
    /**
     * As chunks
     */
    reasoning_chunks: {
      seq: number
      count: number
      length: number
    }[]
    /**
     * How far it was, since when
     */
    stages: {
      seq: number
      stage: 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next'
      progress: number | null
    }[]
    /**
     * What its time was spent on since when: a stage, or waiting for its user
     */
    visits: {
      seq: number
      stage: string
      at: string
    }[]
    /**
     * What its nodes said
     */
    statuses: {
      seq: number
      status: {
        type: 'thinking' | 'running' | 'done' | 'fail'
        content: string
        stage:
          | ('init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection' | 'next')
          | null
        progress: number | null
        timestamp: string
      }
    }[]
    /**
     * The passages found
     */
    sources: {
      seq: number
      metadata: {
        id: string | number
        document_id: number
        revision: number
        title: string
        snippet: string
        char_start: number
        char_end: number
        score: number
        page?: number
      }
    }[]
    /**
     * What rests on which source
     */
    citations: {
      seq: number
      metadata: {
        source_id: string | number
        answer_start: number
        answer_end: number
        quote: string
        document_id: number
        revision: number
        char_start: number
        char_end: number
        page?: number
      }
    }[]
    /**
     * Tools' work
     */
    tools: {
      seq: number
      metadata: {
        call_id: string
        name?: string
        arguments?: {}
        ok?: boolean
        summary?: string
      }
    }[]
    /**
     * What it asked its user: the events, whole
     */
    asked: {
      seq: number
      timestamp: string
      metadata: {
        request_id: string
        question: string
        expires_at: string
        options?: string[]
      }
    }[]
    /**
     * What its user answered
     */
    inputs: {
      seq: number
      metadata: {
        request_id: string
        question: string
        input: string
      }
    }[]
    /**
     * Tokens of all model calls so far
     */
    usage: {
      prompt_tokens?: number
      completion_tokens?: number
      /**
       * Who counted: the model's endpoint, or we, where it does not say
       */
      source?: 'reported' | 'estimated'
      partial?: boolean
    }
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * The run has ended with an answer; completed, with all of it, where it was not streamed
 */
export interface Answered {
  type: 'stream_complete' | 'completed'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage: 'completed'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    outcome: 'answered' | 'insufficient_context'
    last_seq: number
    content_sha256: string
    /**
     * Tokens of all model calls so far
     */
    usage: {
      prompt_tokens?: number
      completion_tokens?: number
      /**
       * Who counted: the model's endpoint, or we, where it does not say
       */
      source?: 'reported' | 'estimated'
      partial?: boolean
    }
    /**
     * Seconds spent in each stage, and under waiting those for its user
     */
    seconds: {
      [k: string]: number
    }
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * The run has failed; the partial answer stays
 */
export interface Failed {
  type: 'fail'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage: 'failed'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    outcome: 'failed' | 'expired'
    last_seq: number
    content_sha256: string
    /**
     * Tokens of all model calls so far
     */
    usage: {
      prompt_tokens?: number
      completion_tokens?: number
      /**
       * Who counted: the model's endpoint, or we, where it does not say
       */
      source?: 'reported' | 'estimated'
      partial?: boolean
    }
    /**
     * Seconds spent in each stage, and under waiting those for its user
     */
    seconds: {
      [k: string]: number
    }
    error: ErrorFacts
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}
/**
 * Why a run failed
 */
export interface ErrorFacts {
  code:
    | 'invalid_request'
    | 'invalid_cursor'
    | 'body_too_large'
    | 'not_found'
    | 'history_trimmed'
    | 'conflict'
    | 'unauthorized'
    | 'forbidden_host'
    | 'forbidden_origin'
    | 'too_many_runs'
    | 'too_many_streams'
    | 'too_many_connections'
    | 'home_locked'
    | 'limit_exceeded'
    | 'model_unavailable'
    | 'model_rejected'
    | 'model_unauthorized'
    | 'model_not_found'
    | 'model_context_exceeded'
    | 'model_rate_limited'
    | 'model_timeout'
    | 'model_protocol'
    | 'document_not_found'
    | 'web_page_unavailable'
    | 'input_expired'
    | 'storage_full'
    | 'storage_failed'
    | 'log_corrupt'
    | 'fenced'
    | 'log_closed'
    | 'worker_lost'
    | 'internal'
  message: string
  retryable: boolean
  retry_after_s?: number
}
/**
 * The run was stopped; the partial answer stays
 */
export interface Cancelled {
  type: 'interrupted'
  /**
   * Text for people, or the increment of a chunk
   */
  content: string
  /**
   * Share of the stage; absent where unknown
   */
  progress?: number
  timestamp: string
  stage: 'cancelled'
  node?: 'intent' | 'context' | 'execute' | 'reflect'
  metadata: {
    outcome: 'cancelled'
    last_seq: number
    content_sha256: string
    /**
     * Tokens of all model calls so far
     */
    usage: {
      prompt_tokens?: number
      completion_tokens?: number
      /**
       * Who counted: the model's endpoint, or we, where it does not say
       */
      source?: 'reported' | 'estimated'
      partial?: boolean
    }
    /**
     * Seconds spent in each stage, and under waiting those for its user
     */
    seconds: {
      [k: string]: number
    }
  }
  run_id: string
  /**
   * Generation of the log; with seq, the cursor
   */
  gen: number
  /**
   * Position in the log, from 1
   */
  seq: number
  /**
   * Fencing number of the attempt that wrote it
   */
  epoch: number
}

/** What tells the shapes apart, and what the metadata of each must hold. */
export const SHAPES: readonly {
  readonly types: readonly string[]
  /** The stages it goes with; null where it goes with any before the end, or none. */
  readonly stages: readonly string[] | null
  readonly seq: number | null
  readonly needs: Readonly<Record<string, readonly string[]>>
}[] = [
  {"types":["running"],"stages":["init"],"seq":1,"needs":{"run_id":["string"],"workflow_id":["string"],"session_id":["string"],"conversation_id":["number","null"],"user_message_id":["number","null"],"assistant_message_id":["number","null"]}},
  {"types":["thinking","running","done","fail"],"stages":null,"seq":null,"needs":{}},
  {"types":["stream_chunk"],"stages":null,"seq":null,"needs":{"index":["number"],"offset":["number"]}},
  {"types":["reasoning_chunk"],"stages":null,"seq":null,"needs":{}},
  {"types":["source"],"stages":null,"seq":null,"needs":{"id":["string","number"],"document_id":["number"],"revision":["number"],"title":["string"],"snippet":["string"],"char_start":["number"],"char_end":["number"],"score":["number"]}},
  {"types":["citation"],"stages":null,"seq":null,"needs":{"source_id":["string","number"],"answer_start":["number"],"answer_end":["number"],"quote":["string"],"document_id":["number"],"revision":["number"],"char_start":["number"],"char_end":["number"]}},
  {"types":["tool_call"],"stages":null,"seq":null,"needs":{"call_id":["string"],"name":["string"],"arguments":["object"]}},
  {"types":["tool_result"],"stages":null,"seq":null,"needs":{"call_id":["string"],"ok":["boolean"],"summary":["string"]}},
  {"types":["usage"],"stages":null,"seq":null,"needs":{"prompt_tokens":["number"],"completion_tokens":["number"]}},
  {"types":["input_required"],"stages":null,"seq":null,"needs":{"request_id":["string"],"question":["string"],"expires_at":["string"]}},
  {"types":["retract"],"stages":null,"seq":null,"needs":{"discard_after":["number"]}},
  {"types":["snapshot"],"stages":null,"seq":null,"needs":{"run":["object"],"chunks":["array"],"reasoning":["string"],"reasoning_chunks":["array"],"stages":["array"],"visits":["array"],"statuses":["array"],"sources":["array"],"citations":["array"],"tools":["array"],"asked":["array"],"inputs":["array"],"usage":["object"]}},
  {"types":["stream_complete","completed"],"stages":["completed"],"seq":null,"needs":{"outcome":["string"],"last_seq":["number"],"content_sha256":["string"],"usage":["object"],"seconds":["object"]}},
  {"types":["fail"],"stages":["failed"],"seq":null,"needs":{"outcome":["string"],"last_seq":["number"],"content_sha256":["string"],"usage":["object"],"seconds":["object"],"error":["object"]}},
  {"types":["interrupted"],"stages":["cancelled"],"seq":null,"needs":{"outcome":["string"],"last_seq":["number"],"content_sha256":["string"],"usage":["object"],"seconds":["object"]}},
]
