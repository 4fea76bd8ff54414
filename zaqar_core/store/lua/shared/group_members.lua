-- group_members: the members of Q:gm: group id (8 bytes), then seq (8 bytes), so that their order is that of the groups
-- and, in each group, that of the messages.
local function group_member(gid, seq) return gid .. struct.pack('>I8', tonumber(seq)) end
local function seq_of_member(member) return string.format('%.0f', struct.unpack('>I8', member, 9)) end
