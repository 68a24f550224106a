/**
 * What went wrong, and what to do about it, in the words of whoever uses it. Pure.
 *
 * Rule 1: every code of the server and of this library has its words, in every language.
 * Rule 2: a title says what happened, in a few words; the advice says what to do now.
 */

import type { ErrorFacts } from './protocol/events.generated.ts'
import type { ChatError, ClientErrorCode } from './state.ts'

export type Language = 'en' | 'zh'

export interface ErrorWords {
  readonly title: string
  readonly advice: string
}

/** The error in words of `language`; one of a later server keeps the server's own sentence. */
export function describeError(error: ChatError, language: Language): ErrorWords {
  const known = Object.entries<readonly [string, string]>(WORDS[language])
  const found = known.find(([code]) => code === error.code)
  if (found === undefined) return { title: UNKNOWN[language], advice: error.message }
  const [title, advice] = found[1]
  return { title, advice: advice + whenToRetry(error, language) }
}

function whenToRetry({ retryAfterS }: ChatError, language: Language): string {
  if (retryAfterS === null) return ''
  const seconds = Math.max(1, Math.ceil(retryAfterS))
  return language === 'zh'
    ? `请在 ${seconds} 秒后再试。`
    : ` Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`
}

type Words = Readonly<Record<ErrorFacts['code'] | ClientErrorCode, readonly [string, string]>>

const UNKNOWN: Readonly<Record<Language, string>> = {
  en: 'That did not work',
  zh: '操作未成功',
}

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    no_connection: ['No connection to the server', 'See whether it is running, then try again.'],
    incomplete_stream: [
      'The answer is incomplete',
      'Its stream broke off and could not be rejoined. What came is kept; try again for the rest.',
    ],
    damaged_stream: [
      'Part of the answer is missing',
      'Some of it got lost on its way here. Load the conversation again to see all of it.',
    ],
    unauthorized: ['This server asks for a key', 'Enter an API key that it knows.'],
    aborted: ['No longer followed', 'The answer goes on at the server; open the chat to see it.'],
    invalid_request: [
      'This question cannot be taken',
      'It may be empty or too long. Change it, then send it again.',
    ],
    invalid_cursor: [
      'This answer cannot be continued here',
      'Load the conversation again to see what the server has of it.',
    ],
    body_too_large: ['Too large to send', 'Send a smaller document, or less text.'],
    not_found: ['It is not there any more', 'It may have been deleted. Begin a new chat.'],
    conflict: [
      'That does not fit any more',
      'Something changed meanwhile, perhaps in another window. Load the conversation again.',
    ],
    forbidden_host: [
      'This address is not allowed',
      'Open the page as localhost or 127.0.0.1, or have this name allowed on the server.',
    ],
    forbidden_origin: [
      'This page may not use that server',
      "Open the server's own page, or have this one allowed on the server.",
    ],
    too_many_runs: ['Too many questions at once', 'Others are being answered first.'],
    too_many_streams: [
      'Too many open streams',
      'Close a tab that follows an answer, or wait a moment.',
    ],
    too_many_connections: ['The server is busy', 'Wait a moment and try again.'],
    home_locked: [
      'The data is in use',
      'Another server has these files open. Use that one, or stop it first.',
    ],
    limit_exceeded: [
      'The answer grew too long',
      'It reached a limit of time or length. What was written is kept; ask for less at once.',
    ],
    model_unavailable: [
      'The model does not answer',
      'See whether it is running, or whether a model is set up at all.',
    ],
    model_rejected: [
      'The model refused the question',
      'Change the question, or use another model.',
    ],
    model_unauthorized: [
      "The model's key was refused",
      "Check the API key of the model's endpoint in the settings.",
    ],
    model_not_found: [
      'There is no such model',
      'Check its name in the settings, or choose another.',
    ],
    model_context_exceeded: [
      'Too much text for this model',
      'Ask something shorter, select less, or begin a new chat.',
    ],
    model_rate_limited: ['The model asks for a break', 'Its provider limits how often it answers.'],
    model_timeout: ['The model took too long', 'Try again; a smaller model is faster.'],
    model_protocol: [
      'The model gave a broken answer',
      'Try again. If it happens each time, the endpoint may be no compatible one.',
    ],
    document_not_found: [
      'The document is not there any more',
      'Add it again, or ask without opening it.',
    ],
    web_page_unavailable: [
      'The page could not be added',
      'Open it in the browser to see whether it is there.',
    ],
    input_expired: ['Too late to answer', 'The question was closed meanwhile. Ask anew.'],
    storage_full: ["The server's disk is full", 'Make room on it, then try again.'],
    storage_failed: [
      'The server could not store this',
      'Its own log says why; see whether its disk is well.',
    ],
    log_corrupt: [
      'The stored answer is damaged',
      'What can be read is shown. Ask again for a whole answer.',
    ],
    fenced: ['Another worker took over', 'Load the conversation again to follow it.'],
    history_trimmed: [
      'The steps of this answer are gone',
      'They were let go of after a while; the answer itself is kept. Load the conversation again.',
    ],
    log_closed: ['This answer has ended', 'Load the conversation again to see all of it.'],
    worker_lost: [
      'The server stopped while answering',
      'What was written is kept. Try again for the rest.',
    ],
    internal: ['Something went wrong', 'Try again. If it happens each time, please report it.'],
  },
  zh: {
    no_connection: ['无法连接服务器', '请检查服务器是否在运行，然后重试。'],
    incomplete_stream: [
      '回答不完整',
      '数据流中断且无法恢复。已收到的内容会保留，重试可获取其余部分。',
    ],
    damaged_stream: ['回答缺少一部分', '部分内容在传输中丢失。请重新打开此对话查看全文。'],
    unauthorized: ['此服务器需要密钥', '请输入服务器认可的 API 密钥。'],
    aborted: ['已停止跟踪', '回答仍在服务器上继续，打开对话即可查看。'],
    invalid_request: ['无法处理这个问题', '内容可能为空或过长，请修改后重新发送。'],
    invalid_cursor: ['无法从这里继续', '请重新打开此对话，查看服务器保存的内容。'],
    body_too_large: ['内容过大', '请发送更小的文档或更短的文字。'],
    not_found: ['内容已不存在', '它可能已被删除。请开始新的对话。'],
    conflict: ['当前状态已改变', '可能在其他窗口中有改动，请重新打开此对话。'],
    forbidden_host: [
      '不允许使用此地址',
      '请通过 localhost 或 127.0.0.1 打开，或在服务器上允许此名称。',
    ],
    forbidden_origin: [
      '此页面不能使用该服务器',
      '请打开服务器自带的页面，或在服务器上允许此页面。',
    ],
    too_many_runs: ['同时提问过多', '服务器正在先回答其他问题。'],
    too_many_streams: ['打开的数据流过多', '请关闭一个正在查看回答的标签页，或稍候片刻。'],
    too_many_connections: ['服务器繁忙', '请稍候再试。'],
    home_locked: ['数据正被占用', '另一个服务器已打开这些文件。请使用它，或先将其停止。'],
    limit_exceeded: ['回答过长', '已达到时间或长度上限。已写内容会保留，请把问题拆小。'],
    model_unavailable: ['模型没有响应', '请检查模型是否在运行，或是否已设置模型。'],
    model_rejected: ['模型拒绝了这个问题', '请修改问题，或换用其他模型。'],
    model_unauthorized: ['模型密钥被拒绝', '请在设置中检查模型接口的 API 密钥。'],
    model_not_found: ['没有这个模型', '请在设置中检查模型名称，或选择其他模型。'],
    model_context_exceeded: ['文字超出模型容量', '请缩短问题、减少选中内容，或开始新的对话。'],
    model_rate_limited: ['模型请求过于频繁', '模型服务限制了回答频率。'],
    model_timeout: ['模型响应超时', '请重试；较小的模型会更快。'],
    model_protocol: ['模型返回的内容有误', '请重试。若每次都如此，该接口可能并不兼容。'],
    web_page_unavailable: ['无法添加网页', '请在浏览器中打开它，确认网页可以访问。'],
    document_not_found: ['文档已不存在', '请重新添加，或不打开文档直接提问。'],
    input_expired: ['回复已过期', '该提问已关闭，请重新提问。'],
    storage_full: ['服务器磁盘已满', '请清理磁盘空间后重试。'],
    storage_failed: ['服务器无法保存', '原因见服务器日志，请检查其磁盘。'],
    log_corrupt: ['保存的回答已损坏', '可读部分已显示。重新提问可得到完整回答。'],
    fenced: ['已由其他进程接管', '请重新打开此对话以继续查看。'],
    history_trimmed: ['此回答的过程记录已清理', '回答本身已保留。请重新打开此对话查看。'],
    log_closed: ['此回答已结束', '请重新打开此对话查看全文。'],
    worker_lost: ['回答时服务器停止了', '已写内容会保留，重试可获取其余部分。'],
    internal: ['出现了意外错误', '请重试。若每次都如此，请反馈给我们。'],
  },
}
