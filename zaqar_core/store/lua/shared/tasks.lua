-- tasks: the queue's move tasks, Q:mt: id -> MessagePack map; 'active' names the one that runs, 'number' counts.
-- number, started_ms, destination (address; '' each message's own source), rate (per second; 0 unlimited), bound (only
-- messages up to this seq), to_move, taken (left the queue), moved (arrived), status, failure ('' none), next_ms (when
-- the next message can go), runner and until_ms (which process works on it, until when in real time), cursor and passed
-- (FIFO: see fifo/task_search).
-- uses: base_key
local function task_of(id)
  local packed = call('HGET', base_key .. ':mt', id)
  return packed and cmsgpack.unpack(packed)
end
local function save_task(id, task) call('HSET', base_key .. ':mt', id, cmsgpack.pack(task)) end
local function finish_task(id, task, status, failure)
  task.status, task.failure = status, failure or ''
  if call('HGET', base_key .. ':mt', 'active') == id then call('HDEL', base_key .. ':mt', 'active') end
end
