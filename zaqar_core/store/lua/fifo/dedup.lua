-- dedup: FIFO deduplication. A message that is sent again under its deduplication id within LIMITS.DEDUPLICATION_MS is
-- a duplicate of the first one, even after that was deleted.
-- An entry: time of the send (13 digits), the first message's random bytes (8) and its seq. The scope is the one that
-- the queue was created with: a later change is shown, but has no effect (recorded on AWS).
-- uses: buckets, LIMITS, now_ms, now_text, queue
local function dedup_key(key, gid) return queue.deduplicates_by_group and gid .. key or key end
local function first_sent(key)
  for _, bucket in ipairs(buckets(':dd')) do
    local entry = call('HGET', bucket, key)
    if entry and now_ms - string.sub(entry, 1, 13) < LIMITS.DEDUPLICATION_MS then
      return { tonumber(string.sub(entry, 22)), string.sub(entry, 14, 21) }
    end
  end
end
local function remember_first(key, seq, random)
  call('HSET', buckets(':dd')[1], key, now_text() .. random .. string.format('%.0f', seq))
end
