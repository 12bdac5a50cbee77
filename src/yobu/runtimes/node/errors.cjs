/*
 * Inside a Node.js environment: whatever was thrown in, Lambda's error object and its log record out.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
 */
'use strict';

const fs = require('fs');
const { types } = require('util');
const { Fault } = require('./handlers.cjs');

const TASK_ROOT = '/var/task';
const UNREADABLE =
  'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack';

/** `{ errorType, errorMessage, trace }`, all text. */
function shape(error) {
  try {
    if (isError(error)) {
      return { errorType: `${error.name}`, errorMessage: shown(`${error.message}`), trace: trace(error.stack) };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: UNREADABLE, trace: [] };
  }
}

/** What the log holds of an error: its shape with its own members, as JSON. */
function written(error) {
  try {
    const whole = isError(error) ? error : new Fault('Error', String(error));
    return JSON.stringify(whole, (_, value) => (value instanceof Error ? members(value) : value));
  } catch {
    return JSON.stringify(shape(error));
  }
}

function members(error) {
  const found = { errorType: error.name, errorMessage: shown(`${error.message}`), code: error.code, ...error };
  if (typeof error.stack === 'string') found.stack = trace(error.stack);
  return found;
}

function isError(error) {
  return types.isNativeError(error) || error instanceof Error;
}

/** The lines of a stack, without the frames below the function's own. */
function trace(stack) {
  if (typeof stack !== 'string') return [];
  const lines = stack.split('\n');
  const ours = lines.findIndex((line) => line.startsWith('    at ') && line.includes(__dirname));
  return (ours < 0 ? lines : lines.slice(0, ours)).map(shown);
}

/** The package's folder as Lambda calls it. */
function shown(text) {
  const code = process.env.LAMBDA_TASK_ROOT;
  return text.replaceAll(`${fs.realpathSync(code)}/`, `${TASK_ROOT}/`).replaceAll(`${code}/`, `${TASK_ROOT}/`);
}

/** The error of a promise that was rejected without anybody who listens. */
function unhandled(reason, promise) {
  const message = reason === undefined ? '' : String(reason);
  return Object.assign(new Fault('Runtime.UnhandledPromiseRejection', message), { reason, promise });
}

/** The error of an async handler that left nothing to wait for. */
function neverSettled() {
  return new Fault(
    'Runtime.NodeJsExit',
    'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise ' +
      'that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes',
  );
}

/** The error of an answer that JSON cannot hold. */
function notJson(modern) {
  return new Fault(modern ? 'Runtime.JSONStringifyError' : 'Error', 'Unable to stringify response body');
}

module.exports = { neverSettled, notJson, shape, unhandled, written };
