-- name: put_secret
-- A new value keeps the time at which the name was first set.
INSERT INTO secrets (project_id, name, ciphertext, created_at, updated_at)
VALUES (:project_id, :name, :ciphertext, :now, :now)
ON CONFLICT (project_id, name) DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = excluded.updated_at

-- name: get_secret
-- Without its value.
SELECT name, created_at, updated_at FROM secrets WHERE project_id = :project_id AND name = :name

-- name: list_secrets
-- Without their values, by name.
SELECT name, created_at, updated_at FROM secrets
WHERE project_id = :project_id AND name > :after ORDER BY name LIMIT :limit

-- name: some_secrets
-- Those of a project whose names a JSON list has.
SELECT name, ciphertext FROM secrets
WHERE project_id = :project_id AND name IN (SELECT value FROM json_each(:names))

-- name: any_secret
-- One, whichever: it tells whether the server's key is the one that they were stored with.
SELECT project_id, name, ciphertext FROM secrets ORDER BY project_id, name LIMIT 1

-- name: delete_secret
DELETE FROM secrets WHERE project_id = :project_id AND name = :name
