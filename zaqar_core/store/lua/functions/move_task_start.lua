-- move_task_start: a move task of this queue runs from now on. The LIMITS.MOVE_TASKS newest tasks are kept.
-- keys:  Q.   args: task id, destination (address; "" each message's own source), messages a second (0 unlimited)
-- reply: the task, packed.   fails: NOQUEUE; TASKRUNNING (another one runs).   cost: O(log n).
-- uses: A, expire_heads, GROUPED, LEASED, LIMITS, open, q, Q, remember_now, save, settle, tick
local wrong = open('seq')
if wrong then return wrong end
local MT = Q .. ':mt'
if call('HEXISTS', MT, 'active') == 1 then return { err = 'TASKRUNNING' } end
tick(200)
expire_heads(200)
settle()
local number = call('HINCRBY', MT, 'number', 1)
local receivable = call('ZCOUNT', A, '-inf', string.format('(%.0f', LEASED)) + call('ZCOUNT', A, GROUPED, '+inf')
local task = {
  number = number, started_ms = q.now, destination = ARGV[2], rate = tonumber(ARGV[3]), bound = tonumber(q.f[4]),
  to_move = receivable, taken = 0, moved = 0, status = 'RUNNING', failure = '', next_ms = q.now, runner = '',
  until_ms = 0, cursor = 0, passed = 0,
}
local all = call('HGETALL', MT)
for i = 1, #all, 2 do
  if all[i] ~= 'number' and cmsgpack.unpack(all[i + 1]).number <= number - LIMITS.MOVE_TASKS then call('HDEL', MT, all[i]) end
end
save(ARGV[1], task)
call('HSET', MT, 'active', ARGV[1])
remember_now()
return call('HGET', MT, ARGV[1])
