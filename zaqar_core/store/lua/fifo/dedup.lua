-- dedup: a message sent again under its deduplication id within LIMITS.DEDUPLICATION_MS is the first one, also when that is gone.
-- An entry: when it was sent (13 digits), the first message's random bytes (8) and its seq.
-- The scope is the one the queue was made with: changing it shows, but changes nothing (recorded on AWS).
-- uses: buckets, c, LIMITS, q
local function dedup_key(key, gid) return c.by_group and gid .. key or key end
local function first_of(key)
  for _, bucket in ipairs(buckets(':dd')) do
    local entry = call('HGET', bucket, key)
    if entry and q.now - string.sub(entry, 1, 13) < LIMITS.DEDUPLICATION_MS then
      return { tonumber(string.sub(entry, 22)), string.sub(entry, 14, 21) }
    end
  end
end
local function remember(key, seq, random)
  call('HSET', buckets(':dd')[1], key, q.text .. random .. string.format('%.0f', seq))
end
