/*
 * What runs inside a Node.js environment: a socket and `_HANDLER` in, the handler's answers out.
 *
 * It knows nothing of yobu, runs on Node.js 18 and newer, and loads as little as it can. What is needed only now and
 * then lies beside it (errors.cjs). The messages are those of runtimes/python/bootstrap.py: length of the rest
 * (4 bytes, big-endian), length of the header (4 bytes), header (JSON), body.
 *
 * The socket is read synchronously: between two events nothing of the function runs, as on Lambda, where the
 * environment is frozen then. What is left in the event loop goes on with the next event.
 *
 * Lambda has two models (https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html): up to nodejs22.x callbacks
 * and an answer when the event loop is empty, from nodejs24.x on promises only. The runtime's name decides, not the
 * version of this node.
 */
'use strict';

const fs = require('fs');

const RESPONSE_LIMIT_BYTES = 6291556;
const LEVELS = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };
const UNCAUGHT_STATUS = 129;
const UNHANDLED_STATUS = 128;

// As they are before the function can replace them.
const exit = process.exit.bind(process);
const exitAtOnce = process.reallyExit.bind(process);
const later = setImmediate;
const { parse, stringify } = JSON;
const hrtime = process.hrtime;

/** The node is gone: end, and with us what the function started in our group. */
function leave() {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    // We do not lead a group.
  }
  exitAtOnce(0);
}

/** The socket to the node: blocking, one message at a time. */
class Channel {
  constructor(fd) {
    this.fd = fd;
    this.lengths = Buffer.alloc(8);
    this.small = Buffer.alloc(16384);
  }

  /** `{ header, event }`, the event as text. The process ends where the node is gone. */
  receive() {
    this.fill(this.lengths);
    const size = this.lengths.readUInt32BE(0) - 4;
    const top = this.lengths.readUInt32BE(4);
    const data = size <= this.small.length ? this.small.subarray(0, size) : Buffer.allocUnsafeSlow(size);
    this.fill(data);
    return { header: parse(data.toString('utf8', 0, top)), event: data.toString('utf8', top) };
  }

  fill(data) {
    for (let done = 0; done < data.length; ) {
      let count = 0;
      try {
        count = fs.readSync(this.fd, data, done, data.length - done, null);
      } catch (error) {
        if (error.code === 'EINTR') continue;
      }
      if (count === 0) leave();
      done += count;
    }
  }

  /** Send one message; `header` is an object, `body` text. */
  send(header, body = '') {
    const top = stringify(header);
    const topSize = Buffer.byteLength(top);
    const bodySize = Buffer.byteLength(body);
    const data = Buffer.allocUnsafe(8 + topSize + bodySize);
    data.writeUInt32BE(4 + topSize + bodySize, 0);
    data.writeUInt32BE(topSize, 4);
    data.write(top, 8);
    data.write(body, 8 + topSize);
    if (!writeAll(this.fd, data)) leave();
  }
}

/** Write all of `data`; false where nobody reads it any more. */
function writeAll(fd, data) {
  for (let done = 0; done < data.length; ) {
    try {
      done += fs.writeSync(fd, data, done);
    } catch (error) {
      if (error.code === 'EAGAIN') {
        // A child that shares our output has made the pipe non-blocking.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      } else if (error.code !== 'EINTR') {
        return false;
      }
    }
  }
  return true;
}

/** The most memory that this process has ever held. */
class Memory {
  constructor() {
    this.data = Buffer.alloc(4096);
    try {
      this.fd = fs.openSync('/proc/self/status', 'r');
    } catch {
      this.fd = null; // no /proc
    }
  }

  /** KB. Not `resourceUsage` where it can be avoided: its maximum begins with that of the node that started us. */
  highest() {
    if (this.fd !== null) {
      try {
        const text = this.data.toString('latin1', 0, fs.readSync(this.fd, this.data, 0, this.data.length, 0));
        return parseInt(text.slice(text.indexOf('VmHWM:') + 6), 10) || 0;
      } catch {
        this.fd = null; // closed by the function
      }
    }
    return process.resourceUsage().maxRSS;
  }
}

/** Console and standard streams as on Lambda. `current.requestId` is the running request's. */
class Output {
  constructor() {
    this.requestId = undefined;
    for (const [name, level] of Object.entries(LEVELS)) {
      console[name] = (...parts) => this.record(level, parts);
    }
    for (const name of ['stdout', 'stderr']) this.makeBlocking(name);
  }

  /** One event of the log: a line break within it is written as NUL and line feed. */
  record(level, parts) {
    const message = require('util').format(...parts);
    const line = `${new Date().toISOString()}\t${this.requestId}\t${level}\t${message}`;
    writeAll(1, Buffer.from(line.replaceAll('\n', '\0\n') + '\n'));
  }

  /** What is written to a stream is in the pipe when the answer is on the socket. */
  makeBlocking(name) {
    const found = Object.getOwnPropertyDescriptor(process, name);
    const get = () => {
      const stream = found.get.call(process);
      stream._handle?.setBlocking?.(true);
      Object.defineProperty(process, name, found);
      return stream;
    };
    Object.defineProperty(process, name, { ...found, get });
  }
}

/** One event that is being handled. Whichever way the handler answers first, counts. */
class Call {
  constructor(server, header) {
    this.server = server;
    this.id = header.id;
    this.claimed = false; // the handler has answered
    this.waiting = null; // its answer, until the event loop is empty
    this.waits = true;
    this.deadline = now() + header.timeout_ms;
  }

  /** The second argument of a handler. https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
  context(header) {
    const call = this;
    const environment = process.env;
    const context = {
      functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
      functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: clientContext(header.client),
      identity: undefined,
      invokedFunctionArn: header.arn,
      awsRequestId: header.id,
      tenantId: undefined,
      getRemainingTimeInMillis: () => Math.max(0, Math.floor(call.deadline - now())),
    };
    if (this.server.modern) return context;
    const legacy = {
      get callbackWaitsForEmptyEventLoop() {
        return call.waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        call.waits = value;
      },
      succeed: (value) => this.succeed(value),
      fail: (error) => this.fail(error),
      done: (error, value) => (isNothing(error) ? this.succeed(value) : this.fail(error)),
    };
    Object.defineProperties(context, Object.getOwnPropertyDescriptors(legacy));
    return context;
  }

  callback(error, value) {
    if (!isNothing(error)) {
      this.fail(error);
    } else if (!this.waits) {
      this.succeed(value);
    } else if (!this.claimed) {
      this.claimed = true;
      this.waiting = () => this.server.answer(this, value);
    }
  }

  succeed(value) {
    if (this.claimed) return;
    this.claimed = true;
    this.server.answer(this, value);
  }

  fail(error) {
    if (this.claimed) return;
    this.claimed = true;
    this.server.refuse(this, isNothing(error) ? 'handled' : error);
  }

  /** Nothing is left to wait for. */
  drained() {
    if (this.waiting !== null) {
      const answer = this.waiting;
      this.waiting = null;
      answer();
    } else if (this.server.promised) {
      this.fail(beside('errors').neverSettled());
    } else {
      this.succeed(null);
    }
  }
}

/** Answers one event after the other until the node is gone. */
class Server {
  constructor(channel, output, memory, runtime) {
    this.channel = channel;
    this.output = output;
    this.memory = memory;
    this.modern = Number(/nodejs(\d+)/.exec(runtime)?.[1]) >= 24;
    this.handler = null;
    this.promised = false; // the handler is an async function: it owes a settled promise
    this.running = null;
    this.afterFirst = null;
  }

  start(handler) {
    this.handler = handler;
    this.promised = this.modern || handler.constructor?.name === 'AsyncFunction';
    this.channel.send({ kind: 'ready', memory_kb: this.memory.highest() });
    later(() => this.next());
  }

  next() {
    const { header, event } = this.channel.receive();
    const call = new Call(this, header);
    this.running = call;
    this.output.requestId = header.id;
    if (header.trace) {
      process.env._X_AMZN_TRACE_ID = header.trace;
    } else {
      delete process.env._X_AMZN_TRACE_ID;
    }
    try {
      const { handler } = this;
      const context = call.context(header);
      if (this.modern) {
        Promise.resolve(handler(parse(event), context)).then(
          (value) => call.succeed(value),
          (error) => call.fail(error),
        );
        return;
      }
      const result = handler(parse(event), context, (error, value) => call.callback(error, value));
      if (result && typeof result.then === 'function') {
        result.then(
          (value) => call.succeed(value),
          (error) => call.fail(error),
        );
      }
    } catch (error) {
      call.fail(error);
    }
  }

  /** Send the handler's answer, after one turn of the loop: what it left unhandled comes first. */
  answer(call, value) {
    later(() => {
      let body;
      try {
        body = stringify(value === undefined ? null : value) ?? 'null';
      } catch {
        this.refuse(call, beside('errors').notJson(this.modern));
        return;
      }
      const kind = Buffer.byteLength(body) > RESPONSE_LIMIT_BYTES ? 'large' : 'reply';
      this.finish({ kind, id: call.id, memory_kb: this.memory.highest() }, kind === 'large' ? '' : body);
    });
  }

  /** Send the handler's error. */
  refuse(call, error) {
    later(() => {
      const { type, body } = this.logged('Invoke Error', error);
      this.finish({ kind: 'error', id: call.id, memory_kb: this.memory.highest(), type }, body);
    });
  }

  finish(header, body) {
    this.running = null;
    this.channel.send(header, body);
    if (this.afterFirst !== null) {
      const work = this.afterFirst;
      this.afterFirst = null;
      work();
    }
    this.next();
  }

  /** An error that nobody has caught ends the process; the event in its hands, or the initialisation, fails with it. */
  crash(title, error, status) {
    const { type, body } = this.logged(title, error);
    const header = { kind: 'failed', memory_kb: this.memory.highest(), type };
    if (this.handler === null) {
      this.channel.send(header, body);
    } else if (this.running !== null) {
      this.channel.send({ ...header, kind: 'error', id: this.running.id }, body);
    }
    exit(status);
  }

  logged(title, error) {
    const { shape, written } = beside('errors');
    this.output.record('ERROR', [title, '\t' + written(error)]);
    const found = shape(error);
    return { type: found.errorType, body: stringify(found) };
  }
}

/** Milliseconds of a clock that nobody sets. */
function now() {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

function isNothing(value) {
  return value === undefined || value === null;
}

function clientContext(text) {
  if (!text) return undefined;
  try {
    return parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ClientContext as json: ${error}`);
  }
}

function beside(name) {
  return require(`./${name}.cjs`);
}

/** Keep compiled code in a folder that outlives us, where this Node.js can (22.1). Returns what writes it down. */
function keepCompiled(folder) {
  const found = require('module');
  if (!folder || !found.enableCompileCache || process.env.NODE_COMPILE_CACHE) return null;
  found.enableCompileCache(`${folder}/node`);
  return found.flushCompileCache ?? null;
}

async function main(fd) {
  const environment = process.env;
  const server = new Server(new Channel(fd), new Output(), new Memory(), environment.AWS_EXECUTION_ENV);
  server.afterFirst = keepCompiled(environment.YOBU_CACHE);
  delete environment.YOBU_CACHE;
  process.argv.length = 2;
  process.on('uncaughtException', (error) => server.crash('Uncaught Exception', error, UNCAUGHT_STATUS));
  process.on('unhandledRejection', (reason, promise) => {
    const error = beside('errors').unhandled(reason, promise);
    server.crash('Unhandled Promise Rejection', error, UNHANDLED_STATUS);
  });
  process.on('beforeExit', () => server.running?.drained());
  let handler;
  try {
    handler = await beside('handlers').load(environment.LAMBDA_TASK_ROOT, environment._HANDLER, server.modern);
  } catch (error) {
    server.crash('Uncaught Exception', error, UNCAUGHT_STATUS);
  }
  server.start(handler);
}

main(Number(process.argv[2]));
