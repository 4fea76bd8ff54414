-- The requests of one phase, for wrk: wrk -s requests.lua URL -- MODE FILE AUTHORIZATION OPERATION BODY [OPERATION BODY ...]
-- mode: repeat   the one request again and again.
--       cycle    send, receive, delete: each message that was sent is received, and what was received is deleted.
--       receive  the one request again and again until it finds nothing; the receipt handles go to FILE.
--       delete   the one request for each receipt handle in FILE, then stop.
-- HANDLE in a body stands for a receipt handle. AUTHORIZATION is empty where the server needs none.
-- Prints one line of JSON at the end: requests, seconds, 99th percentile in ms, errors.
local calls, handles, unreceived = {}, {}, 0
-- Below the number of messages that SQS allows in flight.
local MOST_HANDLES = 100000

local function call(index, handle)
  local one = calls[index]
  wrk.headers['X-Amz-Target'] = 'AmazonSQS.' .. one.operation
  local body = handle and one.before .. handle .. one.after or one.body
  return wrk.format('POST', '/', nil, body)
end

local function handle_in(body) return string.match(body, '"ReceiptHandle"%s*:%s*"([^"]*)"') end

local modes = {}

function modes.cycle()
  local plain = { call(1), call(2) }
  function request()
    local handle = table.remove(handles)
    if handle then return call(3, handle) end
    if unreceived == 0 then return plain[1] end
    unreceived = unreceived - 1
    return plain[2]
  end
  function response(_, _, body)
    local handle = handle_in(body)
    if handle then
      handles[#handles + 1] = handle
    elseif string.find(body, 'MD5OfMessageBody', 1, true) then
      unreceived = unreceived + 1
    end
  end
end

function modes.receive(path)
  local file, received = assert(io.open(path, 'w')), 0
  file:setvbuf('line') -- nothing closes it
  function response(_, _, body)
    local handle = handle_in(body)
    if handle then
      file:write(handle, '\n')
      received = received + 1
    end
    if not handle or received == MOST_HANDLES then wrk.thread:stop() end
  end
end

function modes.delete(path)
  for handle in io.lines(path) do handles[#handles + 1] = handle end
  local last
  function request()
    local handle = table.remove(handles)
    if not handle then wrk.thread:stop() end
    last = handle or last -- deleting a message again is no error
    return call(1, last)
  end
end

modes['repeat'] = function() end

function init(args)
  wrk.method = 'POST'
  wrk.headers['Content-Type'] = 'application/x-amz-json-1.0'
  if args[3] ~= '' then wrk.headers['Authorization'] = args[3] end
  for at = 4, #args, 2 do
    local before, after = string.match(args[at + 1], '^(.*)HANDLE(.*)$')
    calls[#calls + 1] = { operation = args[at], body = args[at + 1], before = before, after = after }
  end
  wrk.headers['X-Amz-Target'] = 'AmazonSQS.' .. calls[1].operation
  wrk.body = calls[1].body
  modes[args[1]](args[2])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
