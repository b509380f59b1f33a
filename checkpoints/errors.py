"""What can go wrong with a stored value, and the form in which a run's exception is stored. Nothing is raised here."""

SETTING = "MILEPOST_ALLOWED_TYPES"


class UnstorableType(TypeError):
    """A value cannot be stored so that it would be read back as itself. `type_name` is its type, dotted."""

    def __init__(self, type_name: str, reason: str) -> None:
        super().__init__(f"a checkpoint cannot hold a {type_name}: {reason}")
        self.type_name = type_name


class UnreadableType(TypeError):
    """A stored value is of a type that this process may not or cannot construct. `type_name` is its type, dotted."""

    def __init__(self, type_name: str, reason: str) -> None:
        super().__init__(f"a checkpoint holds a {type_name}: {reason}")
        self.type_name = type_name


class MissingCheckpoint(LookupError):
    """The run has no checkpoint with that id."""

    def __init__(self, run_id: str, checkpoint_id: str) -> None:
        super().__init__(f"run {run_id} has no checkpoint {checkpoint_id}")
        self.run_id = run_id
        self.checkpoint_id = checkpoint_id


class StoredError(Exception):
    """An exception that a node raised, as it is read back: the name of its type and its message."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(type_name, message)
        self.type_name = type_name
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{self.type_name.rpartition('.')[2]}({repr(self.message) if self.message else ''})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredError) and other.args == self.args

    def __hash__(self) -> int:
        return hash(self.args)
