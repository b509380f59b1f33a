-- name: insert_project
INSERT INTO projects (project_id, slug, name, created_at) VALUES (:project_id, :slug, :name, :now)

-- name: get_project
-- By id or slug.
SELECT project_id, slug, name, created_at FROM projects WHERE project_id = :ref OR slug = :ref

-- name: list_projects
-- Those of a key, or all for the owner's; by slug.
SELECT project_id, slug, name, created_at FROM projects
WHERE (:project_id IS NULL OR project_id = :project_id) AND (:after IS NULL OR slug > :after) ORDER BY slug LIMIT :limit

-- name: insert_key
INSERT INTO api_keys (key_id, project_id, name, secret_hash, created_at, expires_at)
VALUES (:key_id, :project_id, :name, :secret_hash, :now, :expires_at)

-- name: find_key
-- By the hash of its secret; revoked and expired keys do not exist.
SELECT key_id, project_id, name, created_at, expires_at, revoked_at FROM api_keys
WHERE secret_hash = :secret_hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)

-- name: list_keys
SELECT key_id, project_id, name, created_at, expires_at, revoked_at FROM api_keys ORDER BY key_id

-- name: revoke_key
UPDATE api_keys SET revoked_at = :now WHERE key_id = :key_id AND revoked_at IS NULL

-- name: revoke_owner_keys
-- A new owner's key replaces the old one.
UPDATE api_keys SET revoked_at = :now WHERE project_id IS NULL AND name = 'owner' AND revoked_at IS NULL

-- name: get_idempotent
SELECT body_hash, run_id, response FROM idempotency_keys WHERE scope = :scope AND key = :key AND created_at > :since

-- name: put_idempotent
INSERT INTO idempotency_keys (scope, key, body_hash, run_id, response, created_at)
VALUES (:scope, :key, :body_hash, :run_id, :response, :now)

-- name: drop_idempotent
-- Older than a day.
DELETE FROM idempotency_keys WHERE created_at <= :since
