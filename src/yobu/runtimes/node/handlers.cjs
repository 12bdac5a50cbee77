/*
 * Inside a Node.js environment: a handler's name in, the function that it means out.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html and, for names with folders,
 * https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
 */
'use strict';

const fs = require('fs');
const { createRequire } = require('module');
const path = require('path');

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

// As seen from Lambda's runtime, which is what "Require stack" in a message ends with.
const requireFromRuntime = createRequire('/var/runtime/index.mjs');

/** A failure that Lambda words itself. */
class Fault extends Error {
  constructor(name, message, stack = `${name}: ${message}`) {
    super(message);
    for (const [member, value] of Object.entries({ name, stack })) {
      Object.defineProperty(this, member, { value, enumerable: false, configurable: true, writable: true });
    }
  }
}

/** The handler `[folder/]module.export[.member]` of the package in `code`. Rejects with a Fault or what the package threw. */
async function load(code, name, modern) {
  if (name.includes('..')) {
    throw new Fault(
      'Runtime.MalformedHandlerName',
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const match = /^(.*\/)?([^./]*)\.([^/]*)$/.exec(name);
  if (match === null) throw new Fault('Runtime.MalformedHandlerName', 'Bad handler');
  globalThis.awslambda = {
    streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: 'response' }),
  };
  const [, folder = '', module, member] = match;
  const found = await loaded(code, folder, module);
  const handler = inside(found, member) ?? (modern ? inside(found?.default, member) : undefined);
  check(handler, name, modern);
  return handler;
}

async function loaded(code, folder, module) {
  try {
    const base = path.resolve(code, folder, module);
    const modules = isModuleFolder(path.dirname(base));
    if (isFile(base)) return requireFromRuntime(base);
    if (isFile(base + '.js')) return modules ? await imported(base + '.js') : requireFromRuntime(base + '.js');
    if (isFile(base + '.mjs')) return await imported(base + '.mjs');
    if (isFile(base + '.cjs')) return requireFromRuntime(base + '.cjs');
    return requireFromRuntime(requireFromRuntime.resolve(module, { paths: [code, path.resolve(code, folder)] }));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Fault('Runtime.UserCodeSyntaxError', String(error), error.stack);
    }
    if (error?.code === 'MODULE_NOT_FOUND') throw new Fault('Runtime.ImportModuleError', String(error));
    throw error;
  }
}

function imported(file) {
  return import(require('url').pathToFileURL(file).href);
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether the nearest package.json says that `.js` is an ES module. */
function isModuleFolder(folder) {
  if (path.basename(folder) === 'node_modules') return false;
  let text;
  try {
    text = fs.readFileSync(path.join(folder, 'package.json'), 'utf8');
  } catch {
    const above = path.dirname(folder);
    return above !== folder && isModuleFolder(above);
  }
  try {
    return JSON.parse(text)?.type === 'module';
  } catch (error) {
    console.warn(`${folder}/package.json cannot be read, it will be ignored for ES module detection purposes.`, error);
    return false;
  }
}

function inside(object, member) {
  return member.split('.').reduce((found, key) => found?.[key], object);
}

function check(handler, name, modern) {
  if (!handler) throw new Fault('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new Fault('Runtime.HandlerNotFound', `${name} is not a function`);
  if (handler[STREAMING]) {
    const message = `${name} streams its response (awslambda.streamifyResponse), which this node does not do yet`;
    throw new Fault('Runtime.StreamingNotBuilt', message);
  }
  if (modern && handler.length >= 3) {
    throw new Fault(
      'Runtime.CallbackHandlerDeprecated',
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need ' +
        'to modify this function to use a supported handler signature to use Node.js 24 or later. For more ' +
        'information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
    );
  }
}

module.exports = { Fault, load };
