-- move_task_start: start a move task of this queue. The LIMITS.MOVE_TASKS newest tasks are kept.
-- keys:  the queue.
-- args:  task id, destination (address; "": each message's own source), messages per second (0: unlimited)
-- reply: the task, packed.
-- fails: NOQUEUE; GROUPED; TASKRUNNING (another task runs).
-- effect: stores.
-- cost:  O(log n).
-- uses: base_key, count_live, expire_oldest, LIMITS, now_ms, open_queue, process_due, save_clock, save_task
-- uses: update_groups
local wrong = open_queue()
if wrong then return wrong end
local tasks_key = base_key .. ':mt'
if call('HEXISTS', tasks_key, 'active') == 1 then return { err = 'TASKRUNNING' } end
process_due(200)
local _, left = expire_oldest(200)
update_groups()
local number = call('HINCRBY', tasks_key, 'number', 1)
local visible = count_live(left)
local task = {
  number = number, started_ms = now_ms, destination = ARGV[2], rate = tonumber(ARGV[3]),
  bound = tonumber(call('HGET', base_key, 'seq')),
  to_move = visible, taken = 0, moved = 0, status = 'RUNNING', failure = '', next_ms = now_ms, runner = '',
  until_ms = 0, cursor = 0, passed = 0,
}
local all = call('HGETALL', tasks_key)
for i = 1, #all, 2 do
  if all[i] ~= 'number' and cmsgpack.unpack(all[i + 1]).number <= number - LIMITS.MOVE_TASKS then
    call('HDEL', tasks_key, all[i])
  end
end
save_task(ARGV[1], task)
call('HSET', tasks_key, 'active', ARGV[1])
save_clock()
return call('HGET', tasks_key, ARGV[1])
