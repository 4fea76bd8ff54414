-- lines: the order in which a subscription gets its deliveries. A line is a sequence of deliveries of one subscription,
-- of which one is tried at a time, in the order of the queue: the messages of one post; all messages in a FIFO queue,
-- and for a subscriber that gets the whole queue in order. A retry is outside of the lines, unless it keeps its
-- position.
-- A run is the next deliveries of one line, leased together by one process, which tries them one after the other. Until
-- it has reported all of them, or their lease has ended, no other delivery of that line is leased.
-- The name of a line is the kind and number of its last delivery, or WHOLE; '' stands for retries outside of lines.
-- Q:np posts of more than one message: member seq of the first one, score seq of the last one. A post is removed with
-- the outbox entry of its last message: every subscription has then had the first try of the others.
-- Q:nr subscription -> MessagePack {name of a line: [deliveries in work, end of the lease in real ms]}: its runs.
-- uses: base_key, server_ms
local LINES_IN_WORK, RUN_LENGTH, WHOLE = 4, 20, '~'
local function record_post(first, last) call('ZADD', base_key .. ':np', last, first) end
local function remove_post(last) call('ZREMRANGEBYSCORE', base_key .. ':np', last, last) end
local function runs_of(id)
  local packed = call('HGET', base_key .. ':nr', id)
  local runs = packed and cmsgpack.unpack(packed) or {}
  for line, run in pairs(runs) do
    if run[2] <= server_ms then runs[line] = nil end
  end
  return runs
end
-- add `more` deliveries (negative: remove) to those of the line that are in work, until `ends` at the latest
local function count_in_work(id, line, more, ends)
  local runs = runs_of(id)
  local run = runs[line] or { 0, 0 }
  run[1], run[2] = run[1] + more, math.max(run[2], ends)
  runs[line] = run[1] > 0 and run or nil
  for _ in pairs(runs) do return call('HSET', base_key .. ':nr', id, cmsgpack.pack(runs)) end
  call('HDEL', base_key .. ':nr', id)
end
local function first_in(key, id) return call('ZRANGEBYLEX', key, '[' .. id, '(' .. id .. '~', 'LIMIT', 0, 1)[1] end
local function line_of(delivery)
  local name = string.sub(delivery, 37)
  if string.sub(name, 1, 1) ~= 'm' then return name end
  local seq = tonumber(string.sub(name, 2))
  local first, last = unpack(call('ZRANGEBYSCORE', base_key .. ':np', seq, '+inf', 'WITHSCORES', 'LIMIT', 0, 1))
  if first and tonumber(first) <= seq then return 'm' .. string.format('%016.0f', tonumber(last)) end
  return name
end
-- the next run of a subscription: a list of deliveries, and their line; nil if there is none, or LINES_IN_WORK runs are
-- in work. At most LINES_IN_WORK - 1 of these are retries, so that first tries always have room.
local function next_run(id, gets_whole_queue)
  local runs, in_work = runs_of(id), 0
  local retries = runs[''] and runs[''][1] or 0
  for line in pairs(runs) do in_work = in_work + (line == '' and retries or 1) end
  if in_work >= LINES_IN_WORK then return nil end
  local retry = retries < LINES_IN_WORK - 1 and first_in(base_key .. ':nv', id)
  if retry then return { retry }, '' end
  local from = '[' .. id
  for _ = 1, LINES_IN_WORK do
    local head = call('ZRANGEBYLEX', base_key .. ':nq', from, '(' .. id .. '~', 'LIMIT', 0, 1)[1]
    if not head then return nil end
    local line = gets_whole_queue and WHOLE or line_of(head)
    if not runs[line] then
      local to = line == WHOLE and '(' .. string.sub(head, 1, 37) .. ':' or '[' .. id .. line
      return call('ZRANGEBYLEX', base_key .. ':nq', '[' .. head, to, 'LIMIT', 0, RUN_LENGTH), line
    end
    from = '(' .. id .. line
  end
end
