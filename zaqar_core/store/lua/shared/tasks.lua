-- tasks: the queue's move tasks, Q:mt: id -> MessagePack map; 'active' names the one that runs, 'number' counts.
-- number, started_ms, destination (address; '' each message's own source), rate (a second; 0 unlimited), bound (only
-- messages up to this seq), to_move, taken (left the queue), moved (arrived), status, failure ('' none), next_ms (the
-- next message may go), runner and until_ms (which process works on it, until when in real time), cursor and passed
-- (FIFO: see fifo/search).
-- uses: Q
local function task_of(id)
  local packed = call('HGET', Q .. ':mt', id)
  return packed and cmsgpack.unpack(packed)
end
local function save(id, task) call('HSET', Q .. ':mt', id, cmsgpack.pack(task)) end
local function finish(id, task, status, failure)
  task.status, task.failure = status, failure or ''
  if call('HGET', Q .. ':mt', 'active') == id then call('HDEL', Q .. ':mt', 'active') end
end
