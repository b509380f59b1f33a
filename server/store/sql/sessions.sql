-- name: insert_session
INSERT INTO sessions (session_id, key_id, secret_hash, created_at, seen_at, expires_at)
VALUES (:session_id, :key_id, :secret_hash, :now, :now, :expires_at)

-- name: find_session
-- By the hash of its secret; one that has ended, or whose key is no longer valid, does not exist.
SELECT s.session_id, s.created_at, s.seen_at, s.expires_at, k.key_id, k.name, k.project_id, k.expires_at
FROM sessions s JOIN api_keys k ON k.key_id = s.key_id
WHERE s.secret_hash = :secret_hash AND s.expires_at > :now
  AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)

-- name: still_valid
-- Whether a key is valid, and a session of it, if there is one, goes on.
SELECT 1 FROM api_keys k
WHERE k.key_id = :key_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)
  AND (:session_id IS NULL
    OR EXISTS (SELECT 1 FROM sessions s WHERE s.session_id = :session_id AND s.expires_at > :now))

-- name: touch_session
-- It was used: its end moves on.
UPDATE sessions SET seen_at = :now, expires_at = :expires_at WHERE session_id = :session_id AND seen_at < :now

-- name: end_session
DELETE FROM sessions WHERE session_id = :session_id

-- name: drop_ended_sessions
DELETE FROM sessions WHERE expires_at <= :now

-- name: insert_one_time
INSERT INTO one_time_secrets (secret_hash, purpose, key_id, session_id, created_at, expires_at)
VALUES (:secret_hash, :purpose, :key_id, :session_id, :now, :expires_at)

-- name: find_one_time
-- By its hash, used and expired ones included; one whose key is no longer valid does not exist.
SELECT o.expires_at, o.used_at, o.session_id, k.key_id, k.name, k.project_id
FROM one_time_secrets o JOIN api_keys k ON k.key_id = o.key_id
WHERE o.secret_hash = :secret_hash AND o.purpose = :purpose
  AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)

-- name: use_one_time
-- Of two who come at once, one touches the row.
UPDATE one_time_secrets SET used_at = :now WHERE secret_hash = :secret_hash AND used_at IS NULL AND expires_at > :now

-- name: drop_old_one_time
-- Kept for a while after their end, so that who comes late is told why.
DELETE FROM one_time_secrets WHERE expires_at <= :since
